// Bindings of the forms of a product for GPUs, which see their buffers as vec4s, and the guarded store of four
// neighbouring elements of a row.
#import product_shape

@group(0) @binding(1) var<storage, read> a: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> b: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4<f32>>;

// Where product z begins in each operand and in y, and its terms.
var<private> z_a: u32;
var<private> z_b: u32;
var<private> z_y: u32;
var<private> z_terms: u32;

fn words_a(i: vec4<u32>) -> vec4<f32> {
    return vec4<f32>(a[i.x >> 2u][i.x & 3u], a[i.y >> 2u][i.y & 3u], a[i.z >> 2u][i.z & 3u], a[i.w >> 2u][i.w & 3u]);
}

fn words_b(i: vec4<u32>) -> vec4<f32> {
    return vec4<f32>(b[i.x >> 2u][i.x & 3u], b[i.y >> 2u][i.y & 3u], b[i.z >> 2u][i.z & 3u], b[i.w >> 2u][i.w & 3u]);
}

fn put(i: u32, col: u32, sum: f32) {
    if (col >= p.n) {
        return;
    }
    var out = p.alpha * sum;
    if (BIAS == 1u) { out += bias[col >> 2u][col & 3u]; }
    if (p.beta != 0.0) { out += p.beta * y[i >> 2u][i & 3u]; }
    if (RELU == 1u) { out = max(out, 0.0); }
    if (MASK == 1u) { out = select(0.0, out, bias[i >> 2u][i & 3u] > 0.0); }
    y[i >> 2u][i & 3u] = out;
}

fn put4(row: u32, col: u32, sum: vec4<f32>) {
    if (row >= p.m || col >= p.n) {
        return;
    }
    let i = z_y + row * p.n + col;
    // Whole vec4s where all rows begin at them and consist of them.
    if (((p.n | p.y_z) & 3u) != 0u) {
        put(i, col, sum.x);
        put(i + 1u, col + 1u, sum.y);
        put(i + 2u, col + 2u, sum.z);
        put(i + 3u, col + 3u, sum.w);
        return;
    }
    var out = p.alpha * sum;
    if (BIAS == 1u) { out += bias[col >> 2u]; }
    if (p.beta != 0.0) { out += p.beta * y[i >> 2u]; }
    if (RELU == 1u) { out = max(out, vec4<f32>(0.0)); }
    if (MASK == 1u) { out = select(vec4<f32>(0.0), out, bias[i >> 2u] > vec4<f32>(0.0)); }
    y[i >> 2u] = out;
}
