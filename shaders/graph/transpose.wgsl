// y[c,r] = alpha x[r,c] + beta y[c,r]. x [rows,cols], y [cols,rows]. One thread per element of y.
// Twin: graph/features.rs transpose.
#import grid

struct P { rows: u32, cols: u32, alpha: f32, beta: f32 }

override WG: u32 = 64u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (i >= p.rows * p.cols) {
        return;
    }
    var out = p.alpha * x[(i % p.rows) * p.cols + i / p.rows];
    // beta 0 must not read: 0 * NaN is NaN.
    if (p.beta != 0.0) {
        out += p.beta * y[i];
    }
    y[i] = out;
}
