// What the forms of one product without workgroup memory share: bindings and the guarded store.
#import product_shape

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
    if (RELU == 1u) {
        out = max(out, 0.0);
    }
    if (MASK == 1u) {
        out = select(0.0, out, bias[i] > 0.0);
    }
    y[i] = out;
}

fn store4(row: u32, col: u32, sum: vec4<f32>) {
    store(row, col, sum.x);
    store(row, col + 1u, sum.y);
    store(row, col + 2u, sum.z);
    store(row, col + 3u, sum.w);
}
