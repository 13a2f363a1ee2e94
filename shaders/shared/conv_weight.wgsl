// The weight gradient of a convolution as a product, for the skeleton of tile.wgsl: rows are the output channels of a
// group, columns its weights (ci,ky,kx), terms the positions (n,oh,ow) of a chunk's samples in their order. SQUARE=1:
// one sum for each sample, squared by the skeleton (SQUARES=1) before they are added. NORM=1: a chunk is a sample, and
// dw[n chunk_stride + tile WG + lane] is the lane's part of the squared norm of its gradient, which is not stored.
#import conv_taps

override SQUARE: u32 = 0u;
override NORM: u32 = 0u;

@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> dw: array<f32>;

var<private> group: u32;
var<private> chunk: u32;
var<private> terms: u32;
var<private> squares: f32;

fn columns() -> u32 {
    return p.ci / p.groups * kernel().x * kernel().y;
}

// Workgroups of one chunk.
fn tiles_each() -> u32 {
    return (p.co / p.groups + BM - 1u) / BM * p.groups * ((columns() + BN - 1u) / BN);
}

fn along_k() -> vec2<bool> {
    return vec2<bool>(true, true);
}

fn place(g: u32) -> Place {
    let tiles = (p.co / p.groups + BM - 1u) / BM;
    let each = tiles * p.groups * ((columns() + BN - 1u) / BN);
    group = g / tiles % p.groups;
    chunk = g / each;
    // Of a folded grid's groups to spare, no sample is left.
    let first = min(g / each * p.per_chunk, p.n);
    let samples = min(p.per_chunk, p.n - first);
    let plane = p.oh * p.ow;
    let here = Place(g % tiles * BM, g % each / (tiles * p.groups) * BN,
                     select(samples, min(samples, 1u), SQUARE == 1u) * plane, select(1u, samples, SQUARE == 1u));
    terms = here.terms;
    return here;
}

fn ready(col: u32) {}

// Sample, row and column of term k of sum s.
fn position(s: u32, k: u32) -> vec3<u32> {
    let plane = p.oh * p.ow;
    let r = k % plane;
    return vec3<u32>(chunk * p.per_chunk + s + k / plane, r / p.ow, r % p.ow);
}

fn at_a(row: u32, s: u32, k: u32) -> vec4<f32> {
    if (k >= terms) {
        return vec4<f32>(0.0);
    }
    let cog = p.co / p.groups;
    let at = position(s, k);
    let channel = group * cog + min(vec4<u32>(row) + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(cog - 1u));
    let i = ((at.x * p.co + channel) * p.oh + at.y) * p.ow + at.z;
    return vec4<f32>(dy[i.x], dy[i.y], dy[i.z], dy[i.w]);
}

fn at_b(col: u32, s: u32, k: u32) -> vec4<f32> {
    if (k >= terms) {
        return vec4<f32>(0.0);
    }
    let at = position(s, k);
    let size = kernel();
    let taps = size.x * size.y;
    let c = min(vec4<u32>(col) + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(columns() - 1u));
    let ih = at.y * stride().y + c % taps / size.x * p.dilation.y - p.padding.y;
    let iw = at.z * stride().x + c % taps % size.x * p.dilation.x - p.padding.x;
    let inside = (ih < vec4<u32>(p.h)) & (iw < vec4<u32>(p.w));
    let plane = (at.x * p.ci + group * (p.ci / p.groups) + c / taps) * p.h * p.w;
    let i = plane + select(vec4<u32>(), ih * p.w + iw, inside);
    return select(vec4<f32>(), vec4<f32>(x[i.x], x[i.y], x[i.z], x[i.w]), inside);
}

fn put4(row: u32, col: u32, sum: vec4<f32>) {
    let cog = p.co / p.groups;
    let q = vec4<u32>(col) + vec4<u32>(0u, 1u, 2u, 3u);
    let counts = q < vec4<u32>(columns());
    if (row >= cog || chunk * p.per_chunk >= p.n) {
        return;
    }
    if (NORM == 1u) {
        // What stands in for columns past the edge counts for nothing.
        let squared = select(vec4<f32>(), sum * sum, counts);
        squares += (squared.x + squared.y) + (squared.z + squared.w);
        return;
    }
    let i = chunk * p.chunk_stride + (group * cog + row) * columns() + q;
    if (counts.x) { dw[i.x] = sum.x; }
    if (counts.y) { dw[i.y] = sum.y; }
    if (counts.z) { dw[i.z] = sum.z; }
    if (counts.w) { dw[i.w] = sum.w; }
}

fn done(g: u32, lid: u32) {
    if (NORM == 1u && chunk < p.n) {
        dw[chunk * p.chunk_stride + g % tiles_each() * WG + lid] = squares;
    }
}
