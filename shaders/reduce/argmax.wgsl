// y[r] = the lowest c with x[r,c] = max_c x[r,c]. x [rows,cols], y [rows] u32. One thread per row.
// Twin: reduce/twin.rs argmax.
#import grid

struct P { rows: u32, cols: u32 }

override WG: u32 = 64u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<u32>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (i >= p.rows) {
        return;
    }
    var best = x[i * p.cols];
    var at = 0u;
    for (var c = 1u; c < p.cols; c += 1u) {
        let v = x[i * p.cols + c];
        if (v > best) {
            best = v;
            at = c;
        }
    }
    y[i] = at;
}
