// y[idx[r],:] = x[r,:]; the other rows of y stay as they were, and an index past the end of y is skipped.
// x [n,cols], idx [n] distinct, y [rows,cols]. One thread per element of x. Twin: graph/features.rs scatter_rows.
#import grid

struct P { n: u32, rows: u32, cols: u32 }

override WG: u32 = 64u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> idx: array<u32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (i >= p.n * p.cols) {
        return;
    }
    let row = idx[i / p.cols];
    if (row < p.rows) {
        y[row * p.cols + i % p.cols] = x[i];
    }
}
