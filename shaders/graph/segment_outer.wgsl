// Weight gradients of ragged samples: with g_b = sum of dy[t]^T x[t] over seg_ptr[b] <= t < seg_ptr[b + 1],
// dw[j stride + o inputs + c] = sum of g_b[o,c], SQUARE=1: of g_b[o,c]^2, over the samples j block <= b < (j + 1)
// block. x [rows,cols] with cols = inputs, dy [rows,outputs]. One thread per j, output and 4 inputs.
// VEC=1: inputs is a multiple of 4. Twin: graph/segment.rs segment_outer.
// NORM=1: dw[b stride + j] = the squares of sample b's gradient summed over its quads j, j + stride ...: parts of its
// squared norm. One thread per part and sample. Twin: graph/segment.rs segment_norms.
#import grid

struct P { segments: u32, block: u32, cols: u32, outputs: u32, stride: u32 }

override WG: u32 = 64u;
override VEC: u32 = 0u;
override SQUARE: u32 = 0u;
override NORM: u32 = 0u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> seg_ptr: array<u32>;
@group(0) @binding(2) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> dy: array<f32>;
@group(0) @binding(4) var<storage, read_write> dw: array<f32>;

#import quad

// Of sample b in output o and inputs c .. c + 4.
fn gradient(b: u32, o: u32, c: u32) -> vec4<f32> {
    var sum = vec4<f32>(0.0);
    for (var t = seg_ptr[b]; t < seg_ptr[b + 1u]; t += 1u) {
        sum += dy[t * p.outputs + o] * quad(t, c);
    }
    return sum;
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    let quads = (p.cols + 3u) / 4u;
    if (NORM == 1u) {
        norms(i, quads);
        return;
    }
    let o = (i / quads) % p.outputs;
    let j = i / (quads * p.outputs);
    let first = j * p.block;
    if (first >= p.segments) {
        return;
    }
    let c = 4u * (i % quads);
    var total = vec4<f32>(0.0);
    for (var b = first; b < min(first + p.block, p.segments); b += 1u) {
        var sum = gradient(b, o, c);
        if (SQUARE == 1u) {
            sum *= sum;
        }
        total += sum;
    }
    for (var k = 0u; k < min(4u, p.cols - c); k += 1u) {
        dw[j * p.stride + o * p.cols + c + k] = total[k];
    }
}

fn norms(i: u32, quads: u32) {
    let b = i / p.stride;
    if (b >= p.segments) {
        return;
    }
    var total = 0.0;
    for (var at = i % p.stride; at < p.outputs * quads; at += p.stride) {
        let c = 4u * (at % quads);
        // Lanes past the last column repeat it.
        let own = vec4<u32>(c) + vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(p.cols);
        let sum = select(vec4<f32>(0.0), gradient(b, at / quads, c), own);
        total += dot(sum, sum);
    }
    dw[i] = total;
}
