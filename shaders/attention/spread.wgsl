// y[e,h] = src[idx[e],h] + dst[row,h] for the edges e of every slot, see piece.wgsl: what both ends of an edge have.
// idx [edges], src [sources,heads], dst [rows,heads], y [edges,heads]. One thread per (slot, head). Twin:
// attention/twin.rs spread.
#import grid
#import piece

struct P { slots: u32, heads: u32 }

override WG: u32 = 64u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> ptr: array<u32>;
@group(0) @binding(2) var<storage, read> idx: array<u32>;
@group(0) @binding(3) var<storage, read> src: array<f32>;
@group(0) @binding(4) var<storage, read> dst: array<f32>;
@group(0) @binding(5) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (i >= p.slots * p.heads) {
        return;
    }
    let h = i % p.heads;
    let w = piece(i / p.heads);
    let own = dst[w.x * p.heads + h];
    for (var e = w.y; e < w.z; e += 1u) {
        y[e * p.heads + h] = src[idx[e] * p.heads + h] + own;
    }
}
