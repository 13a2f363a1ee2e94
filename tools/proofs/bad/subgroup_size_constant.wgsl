// expect: subgroup-size. The size as a constant of the source.
const SUBGROUP_SIZE: u32 = 32u;
struct P { n: u32 }
@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read_write> x: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) gid: vec3<u32>) {
    let i = min(gid.x, p.n - 1u);
    x[i] = subgroupAdd(x[i]) / f32(SUBGROUP_SIZE);
}
