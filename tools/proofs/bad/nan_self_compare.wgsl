// expect: nan-self-compare. False for NaN on every driver that assumes there are none.
struct P { n: u32 }
@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read_write> x: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) gid: vec3<u32>) {
    if (gid.x < p.n && x[gid.x] != x[gid.x]) {
        x[gid.x] = 0.0;
    }
}
