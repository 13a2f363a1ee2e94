// dw[c,co,ci,ky,kx] = sum over the samples n of chunk c of f(sum_{oh,ow} dy[n,co,oh,ow] x[n, g*CIG+ci, at]),
// at = (oh,ow) stride - padding + (ky,kx) dilation, f = identity, or the square with SQUARE=1: one sample's positions
// are summed before squaring, so the result is the exact sum of squared per-sample gradients. Chunks of per_chunk
// samples lie chunk_stride elements apart; per_chunk = 1 materialises per-sample gradients. One thread per element of
// dw and chunk. The readable reference; twin: conv/twin.rs conv2d_bwd_w.
// NORM=1: dw[n chunk_stride + j] = the sum of one sample's squares over its weights j, j + chunk_stride ...: parts of
// the squared norm of its gradient, which is not stored. One thread per part and sample; twin: conv/twin.rs norms.
#import grid
#import conv_shape

override WG: u32 = 64u;
override SQUARE: u32 = 0u;
override NORM: u32 = 0u;

@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> dw: array<f32>;

// Of sample n in weight i, summed over the positions.
fn gradient(n: u32, i: u32) -> f32 {
    let cig = p.ci / p.groups;
    let kx = i % p.kernel.x;
    let ky = (i / p.kernel.x) % p.kernel.y;
    let ci = (i / (p.kernel.x * p.kernel.y)) % cig;
    let co = i / (p.kernel.x * p.kernel.y * cig);
    let plane = (co / (p.co / p.groups)) * cig + ci;
    var sum = 0.0;
    for (var oh = 0u; oh < p.oh; oh += 1u) {
        let ih = oh * p.stride.y + ky * p.dilation.y - p.padding.y;
        for (var ow = 0u; ow < p.ow; ow += 1u) {
            let iw = ow * p.stride.x + kx * p.dilation.x - p.padding.x;
            if (ih < p.h && iw < p.w) {
                sum += dy[((n * p.co + co) * p.oh + oh) * p.ow + ow] * x[((n * p.ci + plane) * p.h + ih) * p.w + iw];
            }
        }
    }
    return sum;
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    let size = p.co * (p.ci / p.groups) * p.kernel.y * p.kernel.x;
    let chunk = i / select(size, p.chunk_stride, NORM == 1u);
    let first = chunk * p.per_chunk;
    if (first >= p.n) {
        return;
    }
    var total = 0.0;
    if (NORM == 1u) {
        for (var w = i % p.chunk_stride; w < size; w += p.chunk_stride) {
            let g = gradient(chunk, w);
            total += g * g;
        }
        dw[i] = total;
        return;
    }
    for (var n = first; n < min(first + p.per_chunk, p.n); n += 1u) {
        let sum = gradient(n, i % size);
        total += select(sum, sum * sum, SQUARE == 1u);
    }
    dw[chunk * p.chunk_stride + i % size] = total;
}
