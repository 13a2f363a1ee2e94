// part[slot,h,:] = (maximum, sum of exp(v - maximum)) of the scores v (see softmax.wgsl) over the edges of one piece
// that take part. part [slots,heads,2]. One thread per (slot, head). Twin: attention/twin.rs softmax_piece.
#import grid
#import piece
#import edge_softmax

struct P { slots: u32, heads: u32, slope: f32 }

override WG: u32 = 64u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> ptr: array<u32>;
@group(0) @binding(2) var<storage, read> idx: array<u32>;
@group(0) @binding(3) var<storage, read> takes: array<f32>;
@group(0) @binding(4) var<storage, read> s_src: array<f32>;
@group(0) @binding(5) var<storage, read> s_dst: array<f32>;
@group(0) @binding(6) var<storage, read_write> part: array<f32>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (i >= p.slots * p.heads) {
        return;
    }
    let h = i % p.heads;
    let w = piece(i / p.heads);
    let n = normaliser(w.y, w.z, h, s_dst[w.x * p.heads + h]);
    part[2u * i] = n.x;
    part[2u * i + 1u] = n.y;
}
