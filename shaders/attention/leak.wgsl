// x[e,h] is multiplied by the leaky relu's slope at s_src[source,h] + s_dst[row,h]: p.slope where that is not above 0,
// else 1; for the edges e of every slot, see piece.wgsl. idx [edges], s_src [sources,heads], s_dst [rows,heads], x
// [edges,heads]. One thread per (slot, head). Twin: attention/twin.rs leak.
#import grid
#import piece

struct P { slots: u32, heads: u32, slope: f32 }

override WG: u32 = 64u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> ptr: array<u32>;
@group(0) @binding(2) var<storage, read> idx: array<u32>;
@group(0) @binding(3) var<storage, read> s_src: array<f32>;
@group(0) @binding(4) var<storage, read> s_dst: array<f32>;
@group(0) @binding(5) var<storage, read_write> x: array<f32>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (i >= p.slots * p.heads) {
        return;
    }
    let h = i % p.heads;
    let w = piece(i / p.heads);
    let dst = s_dst[w.x * p.heads + h];
    for (var e = w.y; e < w.z; e += 1u) {
        // As softmax_bwd.wgsl: PyTorch's slope at 0 is that of the left.
        if (s_src[idx[e] * p.heads + h] + dst <= 0.0) {
            x[e * p.heads + h] *= p.slope;
        }
    }
}
