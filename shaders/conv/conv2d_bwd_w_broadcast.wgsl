// The same sum as conv2d_bwd_w.wgsl in registers: 8 output channels x 4 columns (ci,ky,kx) per invocation; a channel's
// dy is loaded by one lane and broadcast through the subgroup. With SQUARE=1 one sample's accumulators are squared into
// the totals and cleared, so the exact Fisher diagonal costs what the gradient costs. One workgroup: 8 channels of one
// group x 4*WG columns x one chunk of samples. Needs subgroups of at least 8 lanes.
// NORM=1, with chunks of one sample: the accumulators' squares are summed, dw[n chunk_stride + tile WG + lane] is the
// lane's part of the squared norm of sample n's gradient, which is not stored.
#import grid
#import conv_shape

override WG: u32 = 8u;
override SQUARE: u32 = 0u;
override NORM: u32 = 0u;

@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> dw: array<f32>;

fn store(channel: u32, end: u32, chunk: u32, columns: u32, col: vec4<u32>, sum: vec4<f32>) {
    if (channel >= end) {
        return;
    }
    let to = vec4<u32>(chunk * p.chunk_stride + channel * columns) + col;
    if (col.x < columns) { dw[to.x] = sum.x; }
    if (col.y < columns) { dw[to.y] = sum.y; }
    if (col.z < columns) { dw[to.z] = sum.z; }
    if (col.w < columns) { dw[to.w] = sum.w; }
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32,
        @builtin(subgroup_invocation_id) lane: u32) {
    let cig = p.ci / p.groups;
    let cog = p.co / p.groups;
    let columns = cig * p.kernel.y * p.kernel.x;
    let tiles = (cog + 7u) / 8u;
    let tiles_k = (columns + 4u * WG - 1u) / (4u * WG);
    let g = group_index(wid, nwg);
    let group = (g / tiles) % p.groups;
    let co0 = group * cog + (g % tiles) * 8u;
    let co_end = (group + 1u) * cog;
    let chunk = g / (tiles * p.groups * tiles_k);
    let first = chunk * p.per_chunk;
    if (first >= p.n) {
        return;
    }
    let col = vec4<u32>((g / (tiles * p.groups)) % tiles_k * 4u * WG + lid) + vec4<u32>(0u, WG, 2u * WG, 3u * WG);
    let k = min(col, vec4<u32>(columns - 1u));
    let oy = (k / p.kernel.x) % p.kernel.y * p.dilation.y - p.padding.y;
    let ox = k % p.kernel.x * p.dilation.x - p.padding.x;
    let plane = (group * cig + k / (p.kernel.y * p.kernel.x)) * p.h * p.w;
    let channel = min(co0 + (lane & 7u), co_end - 1u);
    var t0 = vec4<f32>(); var t1 = vec4<f32>(); var t2 = vec4<f32>(); var t3 = vec4<f32>();
    var t4 = vec4<f32>(); var t5 = vec4<f32>(); var t6 = vec4<f32>(); var t7 = vec4<f32>();
    var c0 = vec4<f32>(); var c1 = vec4<f32>(); var c2 = vec4<f32>(); var c3 = vec4<f32>();
    var c4 = vec4<f32>(); var c5 = vec4<f32>(); var c6 = vec4<f32>(); var c7 = vec4<f32>();
    for (var n = first; n < min(first + p.per_chunk, p.n); n += 1u) {
        var yi = (n * p.co + channel) * p.oh * p.ow;
        let base = n * p.ci * p.h * p.w + plane;
        for (var oh = 0u; oh < p.oh; oh += 1u) {
            let ih = oh * p.stride.y + oy;
            let row_ok = ih < vec4<u32>(p.h);
            let row = base + select(vec4<u32>(), ih * p.w, row_ok);
            for (var ow = 0u; ow < p.ow; ow += 1u) {
                let d = dy[yi];
                yi += 1u;
                let iw = ow * p.stride.x + ox;
                let inside = row_ok & (iw < vec4<u32>(p.w));
                let xi = row + select(vec4<u32>(), iw, inside);
                let xs = select(vec4<f32>(), vec4<f32>(x[xi.x], x[xi.y], x[xi.z], x[xi.w]), inside);
                c0 += subgroupBroadcast(d, 0u) * xs; c1 += subgroupBroadcast(d, 1u) * xs;
                c2 += subgroupBroadcast(d, 2u) * xs; c3 += subgroupBroadcast(d, 3u) * xs;
                c4 += subgroupBroadcast(d, 4u) * xs; c5 += subgroupBroadcast(d, 5u) * xs;
                c6 += subgroupBroadcast(d, 6u) * xs; c7 += subgroupBroadcast(d, 7u) * xs;
            }
        }
        if (SQUARE == 1u) {
            t0 += c0 * c0; t1 += c1 * c1; t2 += c2 * c2; t3 += c3 * c3;
            t4 += c4 * c4; t5 += c5 * c5; t6 += c6 * c6; t7 += c7 * c7;
            c0 = vec4<f32>(); c1 = vec4<f32>(); c2 = vec4<f32>(); c3 = vec4<f32>();
            c4 = vec4<f32>(); c5 = vec4<f32>(); c6 = vec4<f32>(); c7 = vec4<f32>();
        }
    }
    if (NORM == 1u) {
        // What stands in for channels and columns past the edges counts for nothing.
        let channels = co_end - co0;
        var squares = c0 * c0;
        squares += select(vec4<f32>(), c1 * c1, channels > 1u);
        squares += select(vec4<f32>(), c2 * c2, channels > 2u);
        squares += select(vec4<f32>(), c3 * c3, channels > 3u);
        squares += select(vec4<f32>(), c4 * c4, channels > 4u);
        squares += select(vec4<f32>(), c5 * c5, channels > 5u);
        squares += select(vec4<f32>(), c6 * c6, channels > 6u);
        squares += select(vec4<f32>(), c7 * c7, channels > 7u);
        squares = select(vec4<f32>(), squares, col < vec4<u32>(columns));
        let tile = g % (tiles * p.groups * tiles_k);
        dw[chunk * p.chunk_stride + tile * WG + lid] = (squares.x + squares.y) + (squares.z + squares.w);
        return;
    }
    // Without SQUARE the totals are zero and the accumulators hold everything; with it, the other way round.
    store(co0, co_end, chunk, columns, col, t0 + c0); store(co0 + 1u, co_end, chunk, columns, col, t1 + c1);
    store(co0 + 2u, co_end, chunk, columns, col, t2 + c2); store(co0 + 3u, co_end, chunk, columns, col, t3 + c3);
    store(co0 + 4u, co_end, chunk, columns, col, t4 + c4); store(co0 + 5u, co_end, chunk, columns, col, t5 + c5);
    store(co0 + 6u, co_end, chunk, columns, col, t6 + c6); store(co0 + 7u, co_end, chunk, columns, col, t7 + c7);
}
