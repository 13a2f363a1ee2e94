// within_bwd_kv.wgsl as within_broadcast.wgsl does within.wgsl: eight lanes load eight queries and their gradients
// for all keys of the subgroup. Needs subgroups of at least 8 lanes (lanes 0..8 are read from).
#import grid
#import sequences
#import row_stats

struct P { rows: u32, heads: u32, kv_heads: u32, sequences: u32, longest: u32, scale: f32 }

override WG: u32 = 16u;
override QUADS: u32 = 1u;
// 1: dx is the gradient to the keys, 0: to the values. Both at once would bind more than WebGPU promises.
override KEYS: u32 = 1u;
// Lanes that are read from: a workgroup has no fewer.
override TEAM: u32 = 8u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> ptr: array<u32>;
@group(0) @binding(2) var<storage, read> seg: array<u32>;
@group(0) @binding(3) var<storage, read> q: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> k: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> v: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read> stats: array<f32>;
@group(0) @binding(7) var<storage, read> dy: array<vec4<f32>>;
@group(0) @binding(8) var<storage, read_write> dx: array<vec4<f32>>;

// The row behind the last one that looks at some of these rows.
fn end_of(last: u32) -> u32 {
    if (seg[last] >= p.sequences) {
        return ptr[p.sequences];
    }
    return sequence(last).y;
}

fn added(x: vec4<f32>) -> f32 {
    return (x.x + x.y) + (x.z + x.w);
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32, @builtin(subgroup_invocation_id) lane: u32) {
    let g = group_index(wid, nwg);
    let row0 = g / p.kv_heads * WG;
    let kv = g % p.kv_heads;
    if (row0 >= p.rows) {
        return;
    }
    let row = row0 + lid;
    // Rows past the last read it, and are dropped at the store.
    let o = min(row, p.rows - 1u) * p.kv_heads + kv;
    let w = lookers(min(row, p.rows - 1u));
    let end = end_of(min(row0 + WG, p.rows) - 1u);
    let first = select(lookers(row0).x, end, seg[row0] >= p.sequences);
    let share = p.heads / p.kv_heads;
    var key: array<vec4<f32>, 32>;
    var value: array<vec4<f32>, 32>;
    var key_sum: array<vec4<f32>, 32>;
    var value_sum: array<vec4<f32>, 32>;
    for (var f = 0u; f < QUADS; f += 1u) {
        key[f] = p.scale * k[o * QUADS + f];
        value[f] = v[o * QUADS + f];
        key_sum[f] = vec4<f32>(0.0);
        value_sum[f] = vec4<f32>(0.0);
    }
    for (var j = first; j < end; j += 8u) {
        let ja = vec4<u32>(j) + vec4<u32>(0u, 1u, 2u, 3u);
        let jb = ja + 4u;
        let in_a = (ja >= vec4<u32>(w.x)) & (ja < vec4<u32>(w.y));
        let in_b = (jb >= vec4<u32>(w.x)) & (jb < vec4<u32>(w.y));
        for (var h = kv * share; h < (kv + 1u) * share; h += 1u) {
            let e = min(j + (lane & (TEAM - 1u)), end - 1u) * p.heads + h;
            let at = e * QUADS;
            var s0 = vec4<f32>(); var s1 = vec4<f32>(); var s2 = vec4<f32>(); var s3 = vec4<f32>();
            var s4 = vec4<f32>(); var s5 = vec4<f32>(); var s6 = vec4<f32>(); var s7 = vec4<f32>();
            var d0 = vec4<f32>(); var d1 = vec4<f32>(); var d2 = vec4<f32>(); var d3 = vec4<f32>();
            var d4 = vec4<f32>(); var d5 = vec4<f32>(); var d6 = vec4<f32>(); var d7 = vec4<f32>();
            for (var f = 0u; f < QUADS; f += 1u) {
                let x = key[f];
                let t = q[at + f];
                s0 += x * subgroupBroadcast(t, 0u);
                s1 += x * subgroupBroadcast(t, 1u);
                s2 += x * subgroupBroadcast(t, 2u);
                s3 += x * subgroupBroadcast(t, 3u);
                s4 += x * subgroupBroadcast(t, 4u);
                s5 += x * subgroupBroadcast(t, 5u);
                s6 += x * subgroupBroadcast(t, 6u);
                s7 += x * subgroupBroadcast(t, 7u);
                if (KEYS == 1u) {
                    let z = value[f];
                    let u = dy[at + f];
                    d0 += z * subgroupBroadcast(u, 0u);
                    d1 += z * subgroupBroadcast(u, 1u);
                    d2 += z * subgroupBroadcast(u, 2u);
                    d3 += z * subgroupBroadcast(u, 3u);
                    d4 += z * subgroupBroadcast(u, 4u);
                    d5 += z * subgroupBroadcast(u, 5u);
                    d6 += z * subgroupBroadcast(u, 6u);
                    d7 += z * subgroupBroadcast(u, 7u);
                }
            }
            let l = lse(e);
            let m = delta(e);
            let la = vec4<f32>(subgroupBroadcast(l, 0u), subgroupBroadcast(l, 1u),
                    subgroupBroadcast(l, 2u), subgroupBroadcast(l, 3u));
            let lb = vec4<f32>(subgroupBroadcast(l, 4u), subgroupBroadcast(l, 5u),
                    subgroupBroadcast(l, 6u), subgroupBroadcast(l, 7u));
            let ma = vec4<f32>(subgroupBroadcast(m, 0u), subgroupBroadcast(m, 1u),
                    subgroupBroadcast(m, 2u), subgroupBroadcast(m, 3u));
            let mb = vec4<f32>(subgroupBroadcast(m, 4u), subgroupBroadcast(m, 5u),
                    subgroupBroadcast(m, 6u), subgroupBroadcast(m, 7u));
            let wa = select(vec4<f32>(0.0), exp(vec4<f32>(added(s0), added(s1), added(s2), added(s3)) - la), in_a);
            let wb = select(vec4<f32>(0.0), exp(vec4<f32>(added(s4), added(s5), added(s6), added(s7)) - lb), in_b);
            let ga = wa * (vec4<f32>(added(d0), added(d1), added(d2), added(d3)) - ma);
            let gb = wb * (vec4<f32>(added(d4), added(d5), added(d6), added(d7)) - mb);
            for (var f = 0u; f < QUADS; f += 1u) {
                if (KEYS == 1u) {
                    let t = q[at + f];
                    var x = key_sum[f];
                    x += ga.x * subgroupBroadcast(t, 0u);
                    x += ga.y * subgroupBroadcast(t, 1u);
                    x += ga.z * subgroupBroadcast(t, 2u);
                    x += ga.w * subgroupBroadcast(t, 3u);
                    x += gb.x * subgroupBroadcast(t, 4u);
                    x += gb.y * subgroupBroadcast(t, 5u);
                    x += gb.z * subgroupBroadcast(t, 6u);
                    x += gb.w * subgroupBroadcast(t, 7u);
                    key_sum[f] = x;
                } else {
                    let u = dy[at + f];
                    var z = value_sum[f];
                    z += wa.x * subgroupBroadcast(u, 0u);
                    z += wa.y * subgroupBroadcast(u, 1u);
                    z += wa.z * subgroupBroadcast(u, 2u);
                    z += wa.w * subgroupBroadcast(u, 3u);
                    z += wb.x * subgroupBroadcast(u, 4u);
                    z += wb.y * subgroupBroadcast(u, 5u);
                    z += wb.z * subgroupBroadcast(u, 6u);
                    z += wb.w * subgroupBroadcast(u, 7u);
                    value_sum[f] = z;
                }
            }
        }
    }
    if (row >= p.rows) {
        return;
    }
    for (var f = 0u; f < QUADS; f += 1u) {
        if (KEYS == 1u) {
            dx[o * QUADS + f] = p.scale * key_sum[f];
        } else {
            dx[o * QUADS + f] = value_sum[f];
        }
    }
}
