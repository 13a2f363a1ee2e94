// The weights of within.wgsl, one by one: alpha[row longest + n, h] = exp(scale q[row,h,:] . k[j,kv,:] - lse[row,h])
// for the n-th row j of the row's sequence, 0 where the row does not look at it or there is none: the edges of
// within_edges.wgsl. q [rows,heads,4 QUADS], k [rows,kv_heads,4 QUADS], lse [rows,heads], alpha [rows longest,heads].
// One thread per element of alpha. Twin: attention/within/twin.rs weights.
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
@group(0) @binding(5) var<storage, read> lse: array<f32>;
@group(0) @binding(6) var<storage, read_write> alpha: array<f32>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (i >= p.rows * p.longest * p.heads) {
        return;
    }
    let h = i % p.heads;
    let row = i / p.heads / p.longest;
    let w = looked_at(row);
    let j = w.x + i / p.heads % p.longest;
    var weight = 0.0;
    if (j < w.y) {
        let mine = (row * p.heads + h) * QUADS;
        let other = (j * p.kv_heads + h * p.kv_heads / p.heads) * QUADS;
        var s = vec4<f32>(0.0);
        for (var f = 0u; f < QUADS; f += 1u) {
            s += q[mine + f] * k[other + f];
        }
        weight = exp(p.scale * ((s.x + s.y) + (s.z + s.w)) - lse[row * p.heads + h]);
    }
    alpha[i] = weight;
}
