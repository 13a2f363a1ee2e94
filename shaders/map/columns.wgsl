// A block of columns from one matrix into another: y[n, to + j] (+)= x[n, from + j] for j < width; the other columns of
// y stay as they are. x [rows, x_cols], y [rows, y_cols]. ADD=1 adds. One thread: one (n, j).
// Overrides: WG, ADD. Twin: map/columns.rs.
#import grid

struct P { rows: u32, width: u32, x_cols: u32, y_cols: u32, x_at: u32, y_at: u32 }

override WG: u32 = 64u;
override ADD: u32 = 0u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (i >= p.rows * p.width) {
        return;
    }
    let n = i / p.width;
    let j = i - n * p.width;
    let at = n * p.y_cols + p.y_at + j;
    var v = x[n * p.x_cols + p.x_at + j];
    if (ADD == 1u) {
        v += y[at];
    }
    y[at] = v;
}
