// within_bwd_q.wgsl as within_broadcast.wgsl does within.wgsl: eight lanes load eight keys and values for all
// rows of the subgroup. Needs subgroups of at least 8 lanes (lanes 0..8 are read from).
#import grid
#import sequences
#import row_stats

struct P { rows: u32, heads: u32, kv_heads: u32, sequences: u32, longest: u32, scale: f32 }

override WG: u32 = 16u;
override QUADS: u32 = 1u;
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
@group(0) @binding(8) var<storage, read_write> dq: array<vec4<f32>>;

// The row behind the last one that some of these rows look at: sequences rise, and rows of nobody come last.
fn end_of(last: u32) -> u32 {
    if (seg[last] >= p.sequences) {
        return ptr[p.sequences];
    }
    return looked_at(last).y;
}

fn added(x: vec4<f32>) -> f32 {
    return (x.x + x.y) + (x.z + x.w);
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32, @builtin(subgroup_invocation_id) lane: u32) {
    let g = group_index(wid, nwg);
    let row0 = g / p.heads * WG;
    let h = g % p.heads;
    if (row0 >= p.rows) {
        return;
    }
    let row = row0 + lid;
    let kv = h * p.kv_heads / p.heads;
    // Rows past the last read it, and are dropped at the store.
    let i = min(row, p.rows - 1u) * p.heads + h;
    let w = looked_at(min(row, p.rows - 1u));
    let end = end_of(min(row0 + WG, p.rows) - 1u);
    let first = select(sequence(row0).x, end, seg[row0] >= p.sequences);
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
    for (var j = first; j < end; j += 8u) {
        let at = (min(j + (lane & (TEAM - 1u)), end - 1u) * p.kv_heads + kv) * QUADS;
        var s0 = vec4<f32>(); var s1 = vec4<f32>(); var s2 = vec4<f32>(); var s3 = vec4<f32>();
        var s4 = vec4<f32>(); var s5 = vec4<f32>(); var s6 = vec4<f32>(); var s7 = vec4<f32>();
        var d0 = vec4<f32>(); var d1 = vec4<f32>(); var d2 = vec4<f32>(); var d3 = vec4<f32>();
        var d4 = vec4<f32>(); var d5 = vec4<f32>(); var d6 = vec4<f32>(); var d7 = vec4<f32>();
        for (var f = 0u; f < QUADS; f += 1u) {
            let x = own[f];
            let t = k[at + f];
            s0 += x * subgroupBroadcast(t, 0u);
            s1 += x * subgroupBroadcast(t, 1u);
            s2 += x * subgroupBroadcast(t, 2u);
            s3 += x * subgroupBroadcast(t, 3u);
            s4 += x * subgroupBroadcast(t, 4u);
            s5 += x * subgroupBroadcast(t, 5u);
            s6 += x * subgroupBroadcast(t, 6u);
            s7 += x * subgroupBroadcast(t, 7u);
            let z = back[f];
            let u = v[at + f];
            d0 += z * subgroupBroadcast(u, 0u);
            d1 += z * subgroupBroadcast(u, 1u);
            d2 += z * subgroupBroadcast(u, 2u);
            d3 += z * subgroupBroadcast(u, 3u);
            d4 += z * subgroupBroadcast(u, 4u);
            d5 += z * subgroupBroadcast(u, 5u);
            d6 += z * subgroupBroadcast(u, 6u);
            d7 += z * subgroupBroadcast(u, 7u);
        }
        let ja = vec4<u32>(j) + vec4<u32>(0u, 1u, 2u, 3u);
        let jb = ja + 4u;
        let in_a = (ja >= vec4<u32>(w.x)) & (ja < vec4<u32>(w.y));
        let in_b = (jb >= vec4<u32>(w.x)) & (jb < vec4<u32>(w.y));
        let wa = select(vec4<f32>(0.0), exp(vec4<f32>(added(s0), added(s1), added(s2), added(s3)) - norm), in_a);
        let wb = select(vec4<f32>(0.0), exp(vec4<f32>(added(s4), added(s5), added(s6), added(s7)) - norm), in_b);
        let ga = wa * (vec4<f32>(added(d0), added(d1), added(d2), added(d3)) - middle);
        let gb = wb * (vec4<f32>(added(d4), added(d5), added(d6), added(d7)) - middle);
        for (var f = 0u; f < QUADS; f += 1u) {
            let t = k[at + f];
            var x = sum[f];
            x += ga.x * subgroupBroadcast(t, 0u);
            x += ga.y * subgroupBroadcast(t, 1u);
            x += ga.z * subgroupBroadcast(t, 2u);
            x += ga.w * subgroupBroadcast(t, 3u);
            x += gb.x * subgroupBroadcast(t, 4u);
            x += gb.y * subgroupBroadcast(t, 5u);
            x += gb.z * subgroupBroadcast(t, 6u);
            x += gb.w * subgroupBroadcast(t, 7u);
            sum[f] = x;
        }
    }
    if (row >= p.rows) {
        return;
    }
    for (var f = 0u; f < QUADS; f += 1u) {
        dq[i * QUADS + f] = p.scale * sum[f];
    }
}
