// expect: bounds. `select` reads both of its operands, so the comparison comes too late; the store is guarded.
struct P { n: u32 }
@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) gid: vec3<u32>) {
    let value = select(0.0, x[gid.x], gid.x < p.n);
    if (gid.x < p.n) {
        y[gid.x] = value;
    }
}
