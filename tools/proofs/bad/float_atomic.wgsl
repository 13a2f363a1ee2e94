// expect: float-atomics, naga, tint. WGSL has no atomics of floats; some back ends would take the word.
struct P { n: u32 }
@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> sum: array<atomic<f32>>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) gid: vec3<u32>) {
    if (gid.x < p.n) {
        atomicAdd(&sum[0], x[gid.x]);
    }
}
