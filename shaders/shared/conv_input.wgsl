// The input gradient of a convolution as a product, for the skeleton of tile.wgsl: rows are the input channels of a
// group, columns the pixels of the flattened [n,h,w], terms (co,ky,kx): every pixel gathers from the outputs that saw
// it. PARITY=1, for strides of 2 without dilation: a pixel of an even row was seen through every other tap alone, so
// that three of four terms would be 0. Each of the four classes of even and odd rows and columns is a product of its
// own, of the taps that it has.
#import conv_taps

override PARITY: u32 = 0u;

@group(0) @binding(1) var<storage, read> w: array<f32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> dx: array<vec4<f32>>;

var<private> group: u32;
// Of this workgroup's class: its first row and column, first tap and taps; x along a row, y down the rows.
var<private> origin: vec2<u32>;
var<private> first_tap: vec2<u32>;
var<private> class_taps: vec2<u32>;
// Of the four pixels whose outputs this invocation stages: the picture's outputs, and the pixel's place behind the
// padding.
var<private> picture: vec4<u32>;
var<private> below: vec4<u32>;
var<private> beside: vec4<u32>;

// Columns and rows of the class that begins at `start`.
fn cells(start: vec2<u32>) -> vec2<u32> {
    return select(vec2<u32>(p.w, p.h), (vec2<u32>(p.w, p.h) + 1u - start) / 2u, PARITY == 1u);
}

fn taps() -> vec2<u32> {
    return select(kernel(), class_taps, PARITY == 1u);
}

fn along_k() -> vec2<bool> {
    return vec2<bool>(true, false);
}

fn place(g: u32) -> Place {
    let tiles = (p.ci / p.groups + BM - 1u) / BM;
    let most = cells(vec2<u32>());
    let across = (p.n * most.x * most.y + BN - 1u) / BN;
    group = g / tiles % p.groups;
    let col = g / (tiles * p.groups);
    if (PARITY == 0u) {
        return Place(g % tiles * BM, col * BN, p.co / p.groups * kernel().x * kernel().y, 1u);
    }
    let kind = col / across;
    let start = vec2<u32>(kind & 1u, kind >> 1u);
    let first = (start + p.padding) & vec2<u32>(1u);
    let count = (max(kernel(), first) - first + 1u) / 2u;
    origin = start;
    first_tap = first;
    class_taps = count;
    // A folded grid's groups to spare have no class: no column counts.
    return Place(g % tiles * BM, select(p.n * most.x * most.y, col % across * BN, kind < 4u),
                 p.co / p.groups * count.x * count.y, 1u);
}

// Picture, row and column of the pixel that column q stands for.
fn pixel(q: vec4<u32>) -> array<vec4<u32>, 3> {
    // A picture of one row has no odd ones.
    let size = max(cells(origin), vec2<u32>(1u));
    let r = q % (size.x * size.y);
    let step = 1u + PARITY;
    return array<vec4<u32>, 3>(q / (size.x * size.y), r / size.x * step + origin.y, r % size.x * step + origin.x);
}

fn pixels() -> u32 {
    let size = cells(origin);
    return p.n * size.x * size.y;
}

fn ready(col: u32) {
    let at = pixel(min(vec4<u32>(col) + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(max(pixels(), 1u) - 1u)));
    picture = (at[0] * p.co + group * (p.co / p.groups)) * p.oh * p.ow;
    below = at[1] + p.padding.y;
    beside = at[2] + p.padding.x;
}

// Output channel, row and column of the tap of term k.
fn term(k: u32) -> vec3<u32> {
    let size = taps();
    let t = k % (size.x * size.y);
    let step = 1u + PARITY;
    return vec3<u32>(k / (size.x * size.y), t / size.x * step + first_tap.y, t % size.x * step + first_tap.x);
}

fn at_a(row: u32, s: u32, k: u32) -> vec4<f32> {
    let cig = p.ci / p.groups;
    let cog = p.co / p.groups;
    if (k >= cog * taps().x * taps().y) {
        return vec4<f32>(0.0);
    }
    let at = term(k);
    let channel = min(vec4<u32>(row) + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(cig - 1u));
    let i = (((group * cog + at.x) * cig + channel) * kernel().y + at.y) * kernel().x + at.z;
    return vec4<f32>(w[i.x], w[i.y], w[i.z], w[i.w]);
}

fn at_b(col: u32, s: u32, k: u32) -> vec4<f32> {
    if (k >= p.co / p.groups * taps().x * taps().y) {
        return vec4<f32>(0.0);
    }
    let at = term(k);
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
    let count = pixels();
    if (row >= cig || col >= count) {
        return;
    }
    let q = vec4<u32>(col) + vec4<u32>(0u, 1u, 2u, 3u);
    let at = pixel(q);
    let i = ((at[0] * p.ci + group * cig + row) * p.h + at[1]) * p.w + at[2];
    // Pictures of whole vec4s: four neighbours at once.
    if (PARITY == 0u && ((p.h * p.w) & 3u) == 0u) {
        dx[i.x >> 2u] = sum;
        return;
    }
    dx[i.x >> 2u][i.x & 3u] = sum.x;
    if (q.y < count) { dx[i.y >> 2u][i.y & 3u] = sum.y; }
    if (q.z < count) { dx[i.z >> 2u][i.z & 3u] = sum.z; }
    if (q.w < count) { dx[i.w >> 2u][i.w & 3u] = sum.w; }
}

fn done(g: u32, lid: u32) {}
