// lap[k] = -w / sqrt(d_i d_j) off the diagonal, 0 on it: the scaled Laplacian 2 L / 2 - I of a graph without
// self-loops, i the row of entry k, j = idx[k], w = weight[k]. Degrees come from sym = c_i c_j w with c = 1 / sqrt(1 +
// d): diag[i] = c_i^2, and c_j = sym / (w c_i), so that a row needs nothing of the rows it names. An end without
// neighbours gets 0. ptr [rows + 1], idx, weight, sym, lap [entries], diag [rows]. One thread per entry; entries past
// ptr[rows] are padding and get 0. Twin: graph/laplacian.rs laplacian.
#import grid

struct P { rows: u32, entries: u32 }

override WG: u32 = 64u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> ptr: array<u32>;
@group(0) @binding(2) var<storage, read> idx: array<u32>;
@group(0) @binding(3) var<storage, read> weight: array<f32>;
@group(0) @binding(4) var<storage, read> sym: array<f32>;
@group(0) @binding(5) var<storage, read> diag: array<f32>;
@group(0) @binding(6) var<storage, read_write> lap: array<f32>;

#import csr

// Smaller degrees than this are rounding of 0.
const LEAST: f32 = 1e-3;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (i >= p.entries) {
        return;
    }
    var v = 0.0;
    if (i < ptr[p.rows]) {
        let row = row_of(i, p.rows);
        let w = weight[i];
        if (row != idx[i] && w != 0.0) {
            let own = diag[row];
            let ratio = sym[i] / w;
            // c_j^2 = (sym / w)^2 / c_i^2
            let other = ratio * ratio / own;
            let d_own = 1.0 / own - 1.0;
            let d_other = 1.0 / other - 1.0;
            if (d_own > LEAST && d_other > LEAST) {
                v = -w / sqrt(d_own * d_other);
            }
        }
    }
    lap[i] = v;
}
