// alpha[e,h] = exp(v[e,h]) / sum of exp(v[e',h]) over the edges e' of e's row with takes != 0, and 0 where takes[e] =
// 0; v = leaky_relu(s_src[source,h] + s_dst[row,h]) (Velickovic et al. 2018, eq. 3). idx [edges] holds the sources,
// takes [edges], s_src [sources,heads], s_dst [rows,heads], alpha [edges,heads]. One thread per (slot, head), see
// piece.wgsl:
// SPLIT=0 finds its row's maximum and sum, SPLIT=1 reads them from stats [rows,heads,2]. Twin: attention/twin.rs
// softmax.
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
@group(0) @binding(6) var<storage, read> stats: array<f32>;
@group(0) @binding(7) var<storage, read_write> alpha: array<f32>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (i >= p.slots * p.heads) {
        return;
    }
    let h = i % p.heads;
    let w = piece(i / p.heads);
    let at = w.x * p.heads + h;
    let dst = s_dst[at];
    var n = vec2<f32>(0.0);
    if (SPLIT == 1u) {
        n = vec2<f32>(stats[2u * at], stats[2u * at + 1u]);
    } else {
        n = normaliser(w.y, w.z, h, dst);
    }
    for (var e = w.y; e < w.z; e += 1u) {
        var a = 0.0;
        if (takes[e] != 0.0) {
            a = exp(leaky(s_src[idx[e] * p.heads + h] + dst) - n.x) / n.y;
        }
        alpha[e * p.heads + h] = a;
    }
}
