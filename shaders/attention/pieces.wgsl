// Cuts rows at every multiple of `chunk` edges: table[r + c] = (r, first, end), the part of row r among the edges
// c chunk <= e < (c + 1) chunk. r + c differs for each pair that meets, as on a merge path (Merrill & Garland,
// "Merge-based parallel sparse matrix-vector multiplication", SC 2016), so rows + ceil(edges / chunk) slots hold all;
// the others are empty. ptr [rows+1], table [slots,3]. One thread per row. Twin: attention/twin.rs pieces.
#import grid

struct P { rows: u32, chunk: u32, slots: u32 }

override WG: u32 = 64u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> ptr: array<u32>;
@group(0) @binding(2) var<storage, read_write> table: array<u32>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (i >= p.rows) {
        return;
    }
    let first = ptr[i];
    let end = ptr[i + 1u];
    var last = i + 1u + end / p.chunk;
    if (i + 1u == p.rows) {
        last = p.slots;
    }
    for (var slot = i + first / p.chunk; slot < last; slot += 1u) {
        let start = (slot - i) * p.chunk;
        let to = min(end, start + p.chunk);
        table[3u * slot] = i;
        table[3u * slot + 1u] = min(max(first, start), to);
        table[3u * slot + 2u] = to;
    }
}
