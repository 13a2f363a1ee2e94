// expect: nan-self-compare. The same test from its other side.
struct P { n: u32 }
@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read_write> x: array<vec4<f32>>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) gid: vec3<u32>) {
    if (gid.x >= p.n) {
        return;
    }
    let v = x[gid.x];
    if (!(v.x == v.x)) {
        x[gid.x] = vec4<f32>();
    }
}
