// y[r,idx[k]] = val[k] for the entries ptr[r] <= k < ptr[r + 1]; the rest of y [rows,cols] stays as it was.
// One thread per entry; columns of a row are distinct. PERM=1: the value of entry k is val[perm[k]].
// Twin: graph/features.rs densify.
#import grid

struct P { rows: u32, cols: u32, entries: u32 }

override WG: u32 = 64u;
override PERM: u32 = 0u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> ptr: array<u32>;
@group(0) @binding(2) var<storage, read> idx: array<u32>;
@group(0) @binding(3) var<storage, read> perm: array<u32>;
@group(0) @binding(4) var<storage, read> val: array<f32>;
@group(0) @binding(5) var<storage, read_write> y: array<f32>;

#import csr

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    // Entries past ptr[rows] are padding.
    if (i >= p.entries || i >= ptr[p.rows]) {
        return;
    }
    var at = i;
    if (PERM == 1u) {
        at = perm[i];
    }
    y[row_of(i, p.rows) * p.cols + idx[i]] = val[at];
}
