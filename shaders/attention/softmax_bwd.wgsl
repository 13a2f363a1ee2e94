// The softmax and the leaky relu of softmax.wgsl backward, in place: g[e,h] becomes
// alpha (g - sum over the row of alpha g) leaky'(s_src[source,h] + s_dst[row,h]), and y[slot,h] is the sum of those.
// idx [edges], s_src [sources,heads], s_dst [rows,heads], alpha, g [edges,heads], y [slots,heads]. One thread per
// (slot, head), see piece.wgsl: SPLIT=0 sums alpha g itself, SPLIT=1 reads rowsum [rows,heads]. Twin: attention/twin.rs
// softmax_bwd.
#import grid
#import piece

struct P { slots: u32, heads: u32, slope: f32 }

override WG: u32 = 64u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> ptr: array<u32>;
@group(0) @binding(2) var<storage, read> idx: array<u32>;
@group(0) @binding(3) var<storage, read> s_src: array<f32>;
@group(0) @binding(4) var<storage, read> s_dst: array<f32>;
@group(0) @binding(5) var<storage, read> alpha: array<f32>;
@group(0) @binding(6) var<storage, read> rowsum: array<f32>;
@group(0) @binding(7) var<storage, read_write> g: array<f32>;
@group(0) @binding(8) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (i >= p.slots * p.heads) {
        return;
    }
    let h = i % p.heads;
    let w = piece(i / p.heads);
    let row = w.x * p.heads + h;
    var mean = 0.0;
    if (SPLIT == 1u) {
        mean = rowsum[row];
    } else {
        for (var e = w.y; e < w.z; e += 1u) {
            mean += alpha[e * p.heads + h] * g[e * p.heads + h];
        }
    }
    let dst = s_dst[row];
    var sum = 0.0;
    for (var e = w.y; e < w.z; e += 1u) {
        let at = e * p.heads + h;
        var d = alpha[at] * (g[at] - mean);
        // PyTorch's slope at 0 is that of the left.
        if (s_src[idx[e] * p.heads + h] + dst <= 0.0) {
            d *= p.slope;
        }
        g[at] = d;
        sum += d;
    }
    y[i] = sum;
}
