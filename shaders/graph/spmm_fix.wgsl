// The second half of spmm_balanced.wgsl: rows that lie in several chunks get the sum of their parts, in order, and rows
// without entries an empty one, own x and bias included; the others stay as they are. One thread per row and 4 columns.
// BIAS, VEC as in spmm.wgsl. Twin: graph/balanced/twin.rs fix.
#import grid

struct P { rows: u32, cols: u32, own: f32, span: u32, chunks: u32 }

override WG: u32 = 64u;
override VEC: u32 = 0u;
override BIAS: u32 = 0u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> ptr: array<u32>;
@group(0) @binding(2) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read> carry: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> y: array<f32>;

#import quad

// Columns c .. c + 4 of a row of carry; lanes past the last column repeat it.
fn part(row: u32, c: u32) -> vec4<f32> {
    let first = row * p.cols + c;
    if (VEC == 1u) {
        return carry[first >> 2u];
    }
    let last = row * p.cols + p.cols - 1u;
    let e = min(vec4<u32>(first) + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(last));
    return vec4<f32>(carry[e.x >> 2u][e.x & 3u], carry[e.y >> 2u][e.y & 3u], carry[e.z >> 2u][e.z & 3u],
            carry[e.w >> 2u][e.w & 3u]);
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    let quads = (p.cols + 3u) / 4u;
    let row = i / quads;
    if (row >= p.rows) {
        return;
    }
    let c = 4u * (i % quads);
    let first = ptr[row];
    let end = ptr[row + 1u];
    var sum = vec4<f32>(0.0);
    if (first < end) {
        let begins = first / p.span;
        let ends = (end - 1u) / p.span;
        if (begins == ends) {
            return;
        }
        sum = part(2u * begins + 1u, c);
        for (var j = begins + 1u; j <= ends; j += 1u) {
            sum += part(2u * j, c);
        }
    }
    if (p.own != 0.0) {
        sum += p.own * quad(row, c);
    }
    for (var j = 0u; j < min(4u, p.cols - c); j += 1u) {
        var out = sum[j];
        if (BIAS == 1u) {
            out += bias[c + j];
        }
        y[row * p.cols + c + j] = out;
    }
}
