// The input gradient of a convolution as a product, for the skeleton of tile.wgsl: rows are the input channels of a
// group, columns the pixels of the flattened [n,h,w], terms (co,ky,kx): every pixel gathers from the outputs that saw it.
#import conv_taps

// 1: pictures of a multiple of four pixels: four neighbours are stored at once.
override Y_QUAD: u32 = 0u;

@group(0) @binding(1) var<storage, read> w: array<f32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> dx: array<vec4<f32>>;

var<private> group: u32;
// Of the four pixels whose outputs this invocation stages: the picture's outputs, and the pixel's place behind the
// padding.
var<private> picture: vec4<u32>;
var<private> below: vec4<u32>;
var<private> beside: vec4<u32>;

fn place(g: u32) -> Place {
    let tiles = (p.ci / p.groups + BM - 1u) / BM;
    let col = g / (tiles * p.groups) * BN;
    group = g / tiles % p.groups;
    return Place(g % tiles * BM, col, p.co / p.groups * kernel().x * kernel().y, 1u);
}

fn ready(col: u32) {
    let plane = p.h * p.w;
    let q = min(vec4<u32>(col) + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(p.n * plane - 1u));
    let r = q % plane;
    picture = (q / plane * p.co + group * (p.co / p.groups)) * p.oh * p.ow;
    below = r / p.w + p.padding.y;
    beside = r % p.w + p.padding.x;
}

fn at_a(row: u32, s: u32, k: u32) -> vec4<f32> {
    let cig = p.ci / p.groups;
    let cog = p.co / p.groups;
    let taps = kernel().x * kernel().y;
    if (k >= cog * taps) {
        return vec4<f32>(0.0);
    }
    let channel = min(vec4<u32>(row) + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(cig - 1u));
    let i = ((group * cog + k / taps) * cig + channel) * taps + k % taps;
    return vec4<f32>(w[i.x], w[i.y], w[i.z], w[i.w]);
}

fn at_b(col: u32, s: u32, k: u32) -> vec4<f32> {
    if (k >= p.co / p.groups * kernel().x * kernel().y) {
        return vec4<f32>(0.0);
    }
    let at = tap(k);
    // Outputs before the first wrap to huge numbers and fail the comparison too.
    let ohs = below - at.y * p.dilation.y;
    let ows = beside - at.z * p.dilation.x;
    let oh = ohs / stride().y;
    let ow = ows / stride().x;
    let row = (oh < vec4<u32>(p.oh)) & (oh * stride().y == ohs);
    let inside = row & (ow < vec4<u32>(p.ow)) & (ow * stride().x == ows);
    let i = picture + at.x * p.oh * p.ow + select(vec4<u32>(), oh * p.ow + ow, inside);
    return select(vec4<f32>(), vec4<f32>(dy[i.x], dy[i.y], dy[i.z], dy[i.w]), inside);
}

fn put4(row: u32, col: u32, sum: vec4<f32>) {
    let cig = p.ci / p.groups;
    let plane = p.h * p.w;
    if (row >= cig || col >= p.n * plane) {
        return;
    }
    let q = vec4<u32>(col) + vec4<u32>(0u, 1u, 2u, 3u);
    let i = (q / plane * p.ci + group * cig + row) * plane + q % plane;
    if (Y_QUAD == 1u) {
        dx[i.x >> 2u] = sum;
        return;
    }
    dx[i.x >> 2u][i.x & 3u] = sum.x;
    if (q.y < p.n * plane) { dx[i.y >> 2u][i.y & 3u] = sum.y; }
    if (q.z < p.n * plane) { dx[i.z >> 2u][i.z & 3u] = sum.z; }
    if (q.w < p.n * plane) { dx[i.w >> 2u][i.w & 3u] = sum.w; }
}

fn done(g: u32, lid: u32) {}
