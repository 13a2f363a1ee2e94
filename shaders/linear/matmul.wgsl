// y[z,m,n] = f(alpha * sum_k A[z,m,k] B[z,k,n] + bias[n] + beta * y[z,m,n]); A and B are addressed by strides, so NN,
// NT and TN are the same kernel. SQUARE=1 squares both operands: the sum of squared rank-one gradients (BackPACK,
// sum_grad_squared). f: nothing, RELU=1 a relu, MASK=1 the slope of one. One thread per element of y. The readable
// reference of this family; twin: linear/twin.rs matmul.
#import grid
#import product_shape

override WG: u32 = 64u;

@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let e = group_index(wid, nwg) * WG + lid;
    if (e >= p.batch * p.m * p.n) {
        return;
    }
    let z = e / (p.m * p.n);
    let row = e / p.n % p.m;
    let col = e % p.n;
    let i = z * p.y_z + row * p.n + col;
    var sum = 0.0;
    let terms = terms_of(z);
    for (var k = 0u; k < terms; k += 1u) {
        var x = a[z * p.a_z + row * p.a_m + k * p.a_k];
        var w = b[z * p.b_z + k * p.b_k + col * p.b_n];
        if (SQUARE == 1u) {
            x *= x;
            w *= w;
        }
        sum += x * w;
    }
    var out = p.alpha * sum;
    if (BIAS == 1u) {
        out += bias[col];
    }
    // beta 0 must not read: 0 * NaN is NaN.
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
