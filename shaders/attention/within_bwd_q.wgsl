// within.wgsl backward to the queries: with a_j = exp(scale q . k_j - lse) and d_j = a_j (dy . v_j - delta), delta the
// sum of y dy over the head, dq[i,h,:] = scale sum_j d_j k[j,kv,:] over the rows j that row i looks at (Dao et al.,
// "FlashAttention", 2022, algorithm 4). q, dy, dq [rows,heads,4 QUADS], k, v [rows,kv_heads,4 QUADS], stats as in
// row_stats.wgsl. One thread per (row, head). Twin: attention/within/twin.rs bwd_q.
#import grid
#import sequences
#import row_stats

struct P { rows: u32, heads: u32, kv_heads: u32, sequences: u32, longest: u32, scale: f32 }

override WG: u32 = 64u;
override QUADS: u32 = 1u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> ptr: array<u32>;
@group(0) @binding(2) var<storage, read> seg: array<u32>;
@group(0) @binding(3) var<storage, read> q: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> k: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> v: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read> stats: array<f32>;
@group(0) @binding(7) var<storage, read> dy: array<vec4<f32>>;
@group(0) @binding(8) var<storage, read_write> dq: array<vec4<f32>>;

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
    var back: array<vec4<f32>, 32>;
    var sum: array<vec4<f32>, 32>;
    for (var f = 0u; f < QUADS; f += 1u) {
        own[f] = p.scale * q[i * QUADS + f];
        back[f] = dy[i * QUADS + f];
        sum[f] = vec4<f32>(0.0);
    }
    let norm = lse(i);
    let middle = delta(i);
    for (var j = w.x; j < w.y; j += 1u) {
        let at = (j * p.kv_heads + kv) * QUADS;
        var s = vec4<f32>(0.0);
        var d = vec4<f32>(0.0);
        for (var f = 0u; f < QUADS; f += 1u) {
            s += own[f] * k[at + f];
            d += back[f] * v[at + f];
        }
        let weight = exp((s.x + s.y) + (s.z + s.w) - norm);
        let slope = weight * ((d.x + d.y) + (d.z + d.w) - middle);
        for (var f = 0u; f < QUADS; f += 1u) {
            sum[f] += slope * k[at + f];
        }
    }
    for (var f = 0u; f < QUADS; f += 1u) {
        dq[i * QUADS + f] = p.scale * sum[f];
    }
}
