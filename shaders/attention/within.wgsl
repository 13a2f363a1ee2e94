// Attention within sequences (see sequences.wgsl), softmax while the keys go by (Milakov & Gimelshein, "Online
// normalizer calculation for softmax", 2018): with s_j = scale q[i,h,:] . k[j,kv,:] over the rows j that row i looks
// at, y[i,h,:] = sum_j exp(s_j - lse) v[j,kv,:] and lse[i,h] = log sum_j exp(s_j); both 0 for a row of nobody. The
// heads h kv_heads / heads share keys and values. q, y [rows,heads,4 QUADS], k, v [rows,kv_heads,4 QUADS], lse
// [rows,heads]. One thread per (row, head). QUADS: a head's vec4s, at most 32. Twin: attention/within/twin.rs within.
#import grid
#import sequences

struct P { rows: u32, heads: u32, kv_heads: u32, sequences: u32, longest: u32, scale: f32 }

override WG: u32 = 64u;
override QUADS: u32 = 1u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> ptr: array<u32>;
@group(0) @binding(2) var<storage, read> seg: array<u32>;
@group(0) @binding(3) var<storage, read> q: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> k: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> v: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read_write> lse: array<f32>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (i >= p.rows * p.heads) {
        return;
    }
    let w = looked_at(i / p.heads);
    let kv = i % p.heads * p.kv_heads / p.heads;
    var own: array<vec4<f32>, 32>;
    var sum: array<vec4<f32>, 32>;
    for (var f = 0u; f < QUADS; f += 1u) {
        own[f] = p.scale * q[i * QUADS + f];
        sum[f] = vec4<f32>(0.0);
    }
    // Below every score that a finite product gives; the lowest number would overflow when one is taken off it.
    var top = -1e30;
    var total = 0.0;
    for (var j = w.x; j < w.y; j += 1u) {
        let at = (j * p.kv_heads + kv) * QUADS;
        var s4 = vec4<f32>(0.0);
        for (var f = 0u; f < QUADS; f += 1u) {
            s4 += own[f] * k[at + f];
        }
        let s = (s4.x + s4.y) + (s4.z + s4.w);
        let higher = max(top, s);
        let old = exp(top - higher);
        let weight = exp(s - higher);
        top = higher;
        total = total * old + weight;
        for (var f = 0u; f < QUADS; f += 1u) {
            sum[f] = sum[f] * old + weight * v[at + f];
        }
    }
    var part = 0.0;
    var norm = 0.0;
    if (w.x < w.y) {
        part = 1.0 / total;
        norm = top + log(total);
    }
    lse[i] = norm;
    for (var f = 0u; f < QUADS; f += 1u) {
        y[i * QUADS + f] = part * sum[f];
    }
}
