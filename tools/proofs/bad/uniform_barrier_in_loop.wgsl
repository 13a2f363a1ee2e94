// expect: uniform-barrier, tint. A helper's barrier, in a loop that each invocation leaves after as many turns as its
// own data say.
struct P { n: u32 }
@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> turns: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<u32>;
var<workgroup> tile: array<u32, 64>;

fn exchange(lid: u32, value: u32) -> u32 {
    tile[lid] = value;
    workgroupBarrier();
    return tile[63u - lid];
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
    let i = min(wid.x * 64u + lid, p.n - 1u);
    var sum = 0u;
    for (var k = 0u; k < turns[i]; k += 1u) {
        sum += exchange(lid, sum);
    }
    y[i] = sum;
}
