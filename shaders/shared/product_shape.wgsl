// Sizes and strides of batch products y[z] = f(alpha A[z] B[z] + bias + beta y[z]), and what f is. a_z, b_z and y_z are
// the elements from one product to the next. per > 0 cuts the sum instead: product z has the terms z per .. (z + 1) per
// of the k there are, the last one fewer.
struct P {
    m: u32, n: u32, k: u32, a_m: u32, a_k: u32, b_k: u32, b_n: u32, alpha: f32, beta: f32,
    batch: u32, per: u32, a_z: u32, b_z: u32, y_z: u32,
}

override SQUARE: u32 = 0u;
override BIAS: u32 = 0u;
override RELU: u32 = 0u;
// 1: what comes out is 0 where `bias`, which then is as large as y, is not above 0: the slope of a relu that gave it.
override MASK: u32 = 0u;

@group(0) @binding(0) var<uniform> p: P;

// Terms of product z.
fn terms_of(z: u32) -> u32 {
    return select(p.k, min(p.per, p.k - z * p.per), p.per > 0u);
}
