// What the forms of y = alpha A B + bias + beta y share: sizes and strides, bindings, and the guarded store.
struct P { m: u32, n: u32, k: u32, a_m: u32, a_k: u32, b_k: u32, b_n: u32, alpha: f32, beta: f32 }

override SQUARE: u32 = 0u;
override BIAS: u32 = 0u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

fn store(row: u32, col: u32, sum: f32) {
    if (row >= p.m || col >= p.n) {
        return;
    }
    let i = row * p.n + col;
    var out = p.alpha * sum;
    if (BIAS == 1u) {
        out += bias[col];
    }
    if (p.beta != 0.0) {
        out += p.beta * y[i];
    }
    y[i] = out;
}

fn store4(row: u32, col: u32, sum: vec4<f32>) {
    store(row, col, sum.x);
    store(row, col + 1u, sum.y);
    store(row, col + 2u, sum.z);
    store(row, col + 3u, sum.w);
}
