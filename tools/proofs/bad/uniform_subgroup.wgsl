// expect: uniform-barrier, tint. A sum over a subgroup whose idle invocations have left.
struct P { n: u32 }
@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read_write> x: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) gid: vec3<u32>) {
    if (gid.x >= p.n) {
        return;
    }
    x[gid.x] = subgroupAdd(x[gid.x]);
}
