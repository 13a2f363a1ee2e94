// Sequences as a graph with `longest` edges for every row: edge row longest + n comes from the n-th row of the row's
// sequence, or from the row itself where there is none. ends [rows+1], idx [edges]; of the transpose, whose row ends
// are the same, t_idx and perm [edges]: the n-th row of the sequence looks at this row along the edge perm, and where
// there is none, that is the row's own last edge, which nobody looks along. One thread per edge, and one. Twin:
// attention/within/twin.rs edges.
#import grid
#import sequences

struct P { rows: u32, sequences: u32, longest: u32 }

override WG: u32 = 64u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> ptr: array<u32>;
@group(0) @binding(2) var<storage, read> seg: array<u32>;
@group(0) @binding(3) var<storage, read_write> ends: array<u32>;
@group(0) @binding(4) var<storage, read_write> idx: array<u32>;
@group(0) @binding(5) var<storage, read_write> t_idx: array<u32>;
@group(0) @binding(6) var<storage, read_write> perm: array<u32>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let e = group_index(wid, nwg) * WG + lid;
    let row = e / p.longest;
    if (e > p.rows * p.longest) {
        return;
    }
    if (e % p.longest == 0u) {
        ends[row] = e;
    }
    if (row == p.rows) {
        return;
    }
    let w = sequence(row);
    let j = w.x + e % p.longest;
    let there = j < w.y;
    let other = select(row, j, there);
    idx[e] = other;
    t_idx[e] = other;
    perm[e] = select((row + 1u) * p.longest - 1u, j * p.longest + row - w.x, there);
}
