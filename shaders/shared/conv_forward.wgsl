// A convolution as a product without its patches in memory, for the skeleton of tile.wgsl: rows are the output channels
// of a group, columns the positions of the flattened [n,oh,ow], terms the weights of a channel, (ci,ky,kx). Positions
// are taken apart once, and each staged term finds its pixel.
#import conv_taps

override BIAS: u32 = 1u;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> w: array<f32>;
@group(0) @binding(3) var<storage, read> b: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4<f32>>;

var<private> group: u32;
// Of the four positions whose pixels this invocation stages: the picture, and where its window begins.
var<private> picture: vec4<u32>;
var<private> top: vec4<u32>;
var<private> left: vec4<u32>;

fn along_k() -> vec2<bool> {
    return vec2<bool>(true, false);
}

fn place(g: u32) -> Place {
    let tiles = (p.co / p.groups + BM - 1u) / BM;
    let col = g / (tiles * p.groups) * BN;
    group = g / tiles % p.groups;
    // Of a folded grid's groups to spare, no column counts.
    return Place(g % tiles * BM, col, p.ci / p.groups * kernel().x * kernel().y, 1u);
}

fn ready(col: u32) {
    let plane = p.oh * p.ow;
    let q = min(vec4<u32>(col) + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(p.n * plane - 1u));
    let r = q % plane;
    picture = (q / plane * p.ci + group * (p.ci / p.groups)) * p.h * p.w;
    top = r / p.ow * stride().y - p.padding.y;
    left = r % p.ow * stride().x - p.padding.x;
}

fn at_a(row: u32, s: u32, k: u32) -> vec4<f32> {
    let columns = p.ci / p.groups * kernel().x * kernel().y;
    let cog = p.co / p.groups;
    if (k >= columns) {
        return vec4<f32>(0.0);
    }
    let i = (group * cog + min(vec4<u32>(row) + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(cog - 1u))) * columns + k;
    return vec4<f32>(w[i.x], w[i.y], w[i.z], w[i.w]);
}

fn at_b(col: u32, s: u32, k: u32) -> vec4<f32> {
    if (k >= p.ci / p.groups * kernel().x * kernel().y) {
        return vec4<f32>(0.0);
    }
    let at = tap(k);
    // Rows above the picture wrap to huge numbers and fail the comparison too.
    let ih = top + at.y * p.dilation.y;
    let iw = left + at.z * p.dilation.x;
    let inside = (ih < vec4<u32>(p.h)) & (iw < vec4<u32>(p.w));
    let i = picture + at.x * p.h * p.w + select(vec4<u32>(), ih * p.w + iw, inside);
    return select(vec4<f32>(), vec4<f32>(x[i.x], x[i.y], x[i.z], x[i.w]), inside);
}

fn put4(row: u32, col: u32, sum: vec4<f32>) {
    let cog = p.co / p.groups;
    let plane = p.oh * p.ow;
    if (row >= cog || col >= p.n * plane) {
        return;
    }
    let channel = group * cog + row;
    var out = sum;
    if (BIAS == 1u) {
        out += b[channel];
    }
    let q = vec4<u32>(col) + vec4<u32>(0u, 1u, 2u, 3u);
    let i = (q / plane * p.co + channel) * plane + q % plane;
    // Pictures of whole vec4s: four neighbours at once.
    if ((plane & 3u) == 0u) {
        y[i.x >> 2u] = out;
        return;
    }
    y[i.x >> 2u][i.x & 3u] = out.x;
    if (q.y < p.n * plane) { y[i.y >> 2u][i.y & 3u] = out.y; }
    if (q.z < p.n * plane) { y[i.z >> 2u][i.z & 3u] = out.z; }
    if (q.w < p.n * plane) { y[i.w >> 2u][i.w & 3u] = out.w; }
}

fn done(g: u32, lid: u32) {}
