// within.wgsl for adapters where loads are dear (CPU rasterisers, 8+ lanes): a workgroup is neighbouring rows under one
// head, eight keys are loaded by eight lanes and broadcast through the subgroup, so that a load serves eight rows; keys
// that a row does not look at get the weight 0. Needs subgroups of at least 8 lanes (lanes 0..8 are read from).
#import grid
#import sequences

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
@group(0) @binding(6) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read_write> lse: array<f32>;

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
    var sum: array<vec4<f32>, 32>;
    for (var f = 0u; f < QUADS; f += 1u) {
        own[f] = p.scale * q[i * QUADS + f];
        sum[f] = vec4<f32>(0.0);
    }
    var top = -1e30;
    var total = 0.0;
    for (var j = first; j < end; j += 8u) {
        let at = (min(j + (lane & (TEAM - 1u)), end - 1u) * p.kv_heads + kv) * QUADS;
        var s0 = vec4<f32>(); var s1 = vec4<f32>(); var s2 = vec4<f32>(); var s3 = vec4<f32>();
        var s4 = vec4<f32>(); var s5 = vec4<f32>(); var s6 = vec4<f32>(); var s7 = vec4<f32>();
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
        }
        let ja = vec4<u32>(j) + vec4<u32>(0u, 1u, 2u, 3u);
        let jb = ja + 4u;
        let in_a = (ja >= vec4<u32>(w.x)) & (ja < vec4<u32>(w.y));
        let in_b = (jb >= vec4<u32>(w.x)) & (jb < vec4<u32>(w.y));
        let sa = select(vec4<f32>(-1e30), vec4<f32>(added(s0), added(s1), added(s2), added(s3)), in_a);
        let sb = select(vec4<f32>(-1e30), vec4<f32>(added(s4), added(s5), added(s6), added(s7)), in_b);
        let both = max(sa, sb);
        let higher = max(top, max(max(both.x, both.y), max(both.z, both.w)));
        let old = exp(top - higher);
        let wa = select(vec4<f32>(0.0), exp(sa - higher), in_a);
        let wb = select(vec4<f32>(0.0), exp(sb - higher), in_b);
        top = higher;
        total = total * old + added(wa + wb);
        for (var f = 0u; f < QUADS; f += 1u) {
            let t = v[at + f];
            var x = sum[f] * old;
            x += wa.x * subgroupBroadcast(t, 0u);
            x += wa.y * subgroupBroadcast(t, 1u);
            x += wa.z * subgroupBroadcast(t, 2u);
            x += wa.w * subgroupBroadcast(t, 3u);
            x += wb.x * subgroupBroadcast(t, 4u);
            x += wb.y * subgroupBroadcast(t, 5u);
            x += wb.z * subgroupBroadcast(t, 6u);
            x += wb.w * subgroupBroadcast(t, 7u);
            sum[f] = x;
        }
    }
    if (row >= p.rows) {
        return;
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
