// within.wgsl backward to keys and values, a gather: with a and d as in within_bwd_q.wgsl, dk[j,kv,:] = scale sum d
// q[i,h,:] and dv[j,kv,:] = sum a dy[i,h,:] over the rows i that look at row j and the heads / kv_heads heads h that
// share kv. q, dy [rows,heads,4 QUADS], k, v, dx [rows,kv_heads,4 QUADS], which is dk or dv; stats as in
// row_stats.wgsl. One thread per (row, kv). Twin: attention/within/twin.rs bwd_kv.
#import grid
#import sequences
#import row_stats

struct P { rows: u32, heads: u32, kv_heads: u32, sequences: u32, longest: u32, scale: f32 }

override WG: u32 = 64u;
override QUADS: u32 = 1u;
// 1: dx is the gradient to the keys, 0: to the values. Both at once would bind more than WebGPU promises.
override KEYS: u32 = 1u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> ptr: array<u32>;
@group(0) @binding(2) var<storage, read> seg: array<u32>;
@group(0) @binding(3) var<storage, read> q: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> k: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> v: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read> stats: array<f32>;
@group(0) @binding(7) var<storage, read> dy: array<vec4<f32>>;
@group(0) @binding(8) var<storage, read_write> dx: array<vec4<f32>>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let j = group_index(wid, nwg) * WG + lid;
    if (j >= p.rows * p.kv_heads) {
        return;
    }
    let w = lookers(j / p.kv_heads);
    let share = p.heads / p.kv_heads;
    let first = j % p.kv_heads * share;
    var key: array<vec4<f32>, 32>;
    var value: array<vec4<f32>, 32>;
    var key_sum: array<vec4<f32>, 32>;
    var value_sum: array<vec4<f32>, 32>;
    for (var f = 0u; f < QUADS; f += 1u) {
        key[f] = p.scale * k[j * QUADS + f];
        value[f] = v[j * QUADS + f];
        key_sum[f] = vec4<f32>(0.0);
        value_sum[f] = vec4<f32>(0.0);
    }
    for (var i = w.x; i < w.y; i += 1u) {
        for (var h = first; h < first + share; h += 1u) {
            let e = i * p.heads + h;
            let at = e * QUADS;
            var s = vec4<f32>(0.0);
            var d = vec4<f32>(0.0);
            for (var f = 0u; f < QUADS; f += 1u) {
                s += key[f] * q[at + f];
                d += value[f] * dy[at + f];
            }
            let weight = exp((s.x + s.y) + (s.z + s.w) - lse(e));
            let slope = weight * ((d.x + d.y) + (d.z + d.w) - delta(e));
            for (var f = 0u; f < QUADS; f += 1u) {
                if (KEYS == 1u) {
                    key_sum[f] += slope * q[at + f];
                } else {
                    value_sum[f] += weight * dy[at + f];
                }
            }
        }
    }
    for (var f = 0u; f < QUADS; f += 1u) {
        if (KEYS == 1u) {
            dx[j * QUADS + f] = p.scale * key_sum[f];
        } else {
            dx[j * QUADS + f] = value_sum[f];
        }
    }
}
