// y[m,n] = alpha * sum_k A[m,k] B[k,n] + bias[n] + beta * y[m,n]; A and B are addressed by strides, so NN, NT and TN
// are the same kernel. SQUARE=1 squares both operands: the sum of squared rank-one gradients (BackPACK,
// sum_grad_squared). One thread per element of y. The readable reference of this family; twin: linear/twin.rs matmul.
#import grid

struct P { m: u32, n: u32, k: u32, a_m: u32, a_k: u32, b_k: u32, b_n: u32, alpha: f32, beta: f32 }

override WG: u32 = 64u;
override SQUARE: u32 = 0u;
override BIAS: u32 = 0u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (i >= p.m * p.n) {
        return;
    }
    let row = i / p.n;
    let col = i % p.n;
    var sum = 0.0;
    for (var k = 0u; k < p.k; k += 1u) {
        var x = a[row * p.a_m + k * p.a_k];
        var w = b[k * p.b_k + col * p.b_n];
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
    y[i] = out;
}
