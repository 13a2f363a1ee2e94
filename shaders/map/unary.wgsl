// y[i] = f(x[i]), f by OP: 0 relu, 1 gelu (exact, x Phi(x)), 2 tanh, 3 sigmoid, 4 square, 5 copy, 6 elu (x > 0: x, else
// exp(x) - 1), 7 silu (x sigmoid(x)), 8 leaky relu (x > 0: x, else a x), 9 softplus (a x > b: x, else log(1 + exp(a x))
// / a), 10 hard swish (x clamp(x + 3, 0, 6) / 6), 11 relu6 (clamp(x, 0, 6)), 12 hard sigmoid (clamp(x + 3, 0, 6) / 6),
// 13 hard tanh (clamp(x, -a, a)), 14 gelu by tanh (x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2). x, y [n]. One
// thread per four elements. Twin: map/twin/curves.rs unary.
#import grid
#import special

struct P { a: f32, b: f32 }

override WG: u32 = 64u;
override OP: u32;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4<f32>>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (i >= arrayLength(&y)) {
        return;
    }
    let v = x[i];
    switch (OP) {
        case 0u: { y[i] = max(v, vec4<f32>(0.0)); }
        case 1u: { y[i] = v * normal_cdf4(v); }
        case 2u: { y[i] = tanh4(v); }
        case 3u: { y[i] = sigmoid4(v); }
        case 4u: { y[i] = v * v; }
        case 6u: { y[i] = select(expm1_neg4(v), v, v > vec4<f32>(0.0)); }
        case 7u: { y[i] = v * sigmoid4(v); }
        case 8u: { y[i] = select(p.a * v, v, v > vec4<f32>(0.0)); }
        case 9u: { y[i] = select(softplus4(p.a * v) / p.a, v, p.a * v > vec4<f32>(p.b)); }
        case 10u: { y[i] = v * (hard4(v + 3.0) / 6.0); }
        case 11u: { y[i] = hard4(v); }
        case 12u: { y[i] = hard4(v + 3.0) / 6.0; }
        case 13u: { y[i] = clamp(v, vec4<f32>(-p.a), vec4<f32>(p.a)); }
        case 14u: { y[i] = v * gelu_gate4(v); }
        default: { y[i] = v; }
    }
}
