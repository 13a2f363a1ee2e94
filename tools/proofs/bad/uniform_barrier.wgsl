// expect: uniform-barrier, tint. The last workgroup's idle invocations leave before the barrier that the others wait
// at.
struct P { n: u32 }
@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
var<workgroup> tile: array<f32, 64>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
    let i = wid.x * 64u + lid;
    if (i >= p.n) {
        return;
    }
    tile[lid] = x[i];
    workgroupBarrier();
    y[i] = tile[63u - lid];
}
