// diag[r] = val[k] of the row's entry on the diagonal (its self-loop). Rows without one keep what they held; no row has
// two. ptr [rows + 1], idx, val [entries], diag [rows]. One thread per entry; entries past ptr[rows] are padding.
// Twin: graph/laplacian.rs diagonal.
#import grid

struct P { rows: u32, entries: u32 }

override WG: u32 = 64u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> ptr: array<u32>;
@group(0) @binding(2) var<storage, read> idx: array<u32>;
@group(0) @binding(3) var<storage, read> val: array<f32>;
@group(0) @binding(4) var<storage, read_write> diag: array<f32>;

#import csr

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (i >= p.entries || i >= ptr[p.rows]) {
        return;
    }
    let row = row_of(i, p.rows);
    if (row == idx[i]) {
        diag[row] = val[i];
    }
}
