// The same product as matmul.wgsl for adapters where a load costs a walk over the lanes, however wide it is (CPU
// rasterisers, 8+ lanes), and matrices whose rows are whole vec4s: each invocation owns 16 rows x 4 columns of y in
// registers. A step reads four k (or, where a lies along m, one) as whole vec4s; one lane loads an operand of a row and
// the subgroup broadcasts it. The sums are those of matmul_broadcast.wgsl in the same order. No workgroup memory, no
// barrier.
// One workgroup: 16 rows x 4*WG columns. Needs subgroups of at least 8 lanes (lanes 0..8 are read from).
#import grid
#import product_shape

override WG: u32 = 8u;
// y holds what is added to.
override ADD: u32 = 0u;
// Which way the vec4s of the operands lie: a along k or along m, b along n or along k.
override A_ALONG_K: u32 = 1u;
override B_ALONG_N: u32 = 1u;

@group(0) @binding(1) var<storage, read> a: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> b: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4<f32>>;

var<private> c: array<vec4<f32>, 16>;

fn squared(v: vec4<f32>) -> vec4<f32> {
    return select(v, v * v, SQUARE == 1u);
}

// One k: rows 0 to 7 have their operand in the lanes of `lo`, rows 8 to 15 in those of `hi`.
fn add(lo: f32, hi: f32, w: vec4<f32>) {
    c[0] += subgroupBroadcast(lo, 0u) * w; c[1] += subgroupBroadcast(lo, 1u) * w;
    c[2] += subgroupBroadcast(lo, 2u) * w; c[3] += subgroupBroadcast(lo, 3u) * w;
    c[4] += subgroupBroadcast(lo, 4u) * w; c[5] += subgroupBroadcast(lo, 5u) * w;
    c[6] += subgroupBroadcast(lo, 6u) * w; c[7] += subgroupBroadcast(lo, 7u) * w;
    c[8] += subgroupBroadcast(hi, 0u) * w; c[9] += subgroupBroadcast(hi, 1u) * w;
    c[10] += subgroupBroadcast(hi, 2u) * w; c[11] += subgroupBroadcast(hi, 3u) * w;
    c[12] += subgroupBroadcast(hi, 4u) * w; c[13] += subgroupBroadcast(hi, 5u) * w;
    c[14] += subgroupBroadcast(hi, 6u) * w; c[15] += subgroupBroadcast(hi, 7u) * w;
}

// One k: lane l has the operands of rows 4 l to 4 l + 3.
fn add_quads(x: vec4<f32>, w: vec4<f32>) {
    c[0] += subgroupBroadcast(x.x, 0u) * w; c[1] += subgroupBroadcast(x.y, 0u) * w;
    c[2] += subgroupBroadcast(x.z, 0u) * w; c[3] += subgroupBroadcast(x.w, 0u) * w;
    c[4] += subgroupBroadcast(x.x, 1u) * w; c[5] += subgroupBroadcast(x.y, 1u) * w;
    c[6] += subgroupBroadcast(x.z, 1u) * w; c[7] += subgroupBroadcast(x.w, 1u) * w;
    c[8] += subgroupBroadcast(x.x, 2u) * w; c[9] += subgroupBroadcast(x.y, 2u) * w;
    c[10] += subgroupBroadcast(x.z, 2u) * w; c[11] += subgroupBroadcast(x.w, 2u) * w;
    c[12] += subgroupBroadcast(x.x, 3u) * w; c[13] += subgroupBroadcast(x.y, 3u) * w;
    c[14] += subgroupBroadcast(x.z, 3u) * w; c[15] += subgroupBroadcast(x.w, 3u) * w;
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32,
        @builtin(subgroup_invocation_id) lane: u32) {
    let quads = p.n >> 2u;
    let tiles = (quads + WG - 1u) / WG;
    let g = group_index(wid, nwg);
    let row0 = g / tiles * 16u;
    let col = g % tiles * WG + lid;
    // Out-of-range rows and columns read a valid neighbour and are dropped at the store.
    let q = min(col, quads - 1u);
    if (A_ALONG_K == 1u) {
        let lo = min(row0 + (lane & 7u), p.m - 1u) * (p.a_m >> 2u);
        let hi = min(row0 + 8u + (lane & 7u), p.m - 1u) * (p.a_m >> 2u);
        let down = p.b_k >> 2u;
        let across = p.b_n >> 2u;
        let steps = p.k >> 2u;
        for (var k = 0u; k < steps; k += 1u) {
            let x = squared(a[lo + k]);
            let z = squared(a[hi + k]);
            var w: mat4x4<f32>;
            if (B_ALONG_N == 1u) {
                let i = 4u * k * down + q;
                w = mat4x4<f32>(b[i], b[i + down], b[i + 2u * down], b[i + 3u * down]);
            } else {
                let i = 4u * q * across + k;
                w = transpose(mat4x4<f32>(b[i], b[i + across], b[i + 2u * across], b[i + 3u * across]));
            }
            add(x.x, z.x, squared(w[0]));
            add(x.y, z.y, squared(w[1]));
            add(x.z, z.z, squared(w[2]));
            add(x.w, z.w, squared(w[3]));
        }
    } else {
        let rows = min((row0 >> 2u) + min(lane, 3u), (p.m >> 2u) - 1u);
        for (var k = 0u; k < p.k; k += 1u) {
            add_quads(squared(a[k * (p.a_k >> 2u) + rows]), squared(b[k * (p.b_k >> 2u) + q]));
        }
    }
    if (col >= quads) {
        return;
    }
    var offset = vec4<f32>();
    if (BIAS == 1u) {
        offset = bias[q];
    }
    for (var r = 0u; r < 16u; r += 1u) {
        if (row0 + r < p.m) {
            let i = (row0 + r) * quads + q;
            var out = p.alpha * c[r] + offset;
            if (ADD == 1u) {
                out += p.beta * y[i];
            }
            if (RELU == 1u) {
                out = max(out, vec4<f32>(0.0));
            }
            if (MASK == 1u) {
                out = select(vec4<f32>(0.0), out, bias[i] > vec4<f32>(0.0));
            }
            y[i] = out;
        }
    }
}
