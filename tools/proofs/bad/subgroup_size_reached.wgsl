// expect: subgroup-size. A butterfly that starts 16 lanes away: on 8 lanes its partner is not there.
struct P { n: u32 }
@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read_write> x: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) gid: vec3<u32>) {
    let i = min(gid.x, p.n - 1u);
    var sum = x[i];
    sum += subgroupShuffleXor(sum, 16u);
    sum += subgroupShuffleXor(sum, 4u);
    x[i] = sum;
}
