// dx[i] = f'(x[i]) dy[i], f by OP: 0 relu (x > 0), 1 gelu (Phi(x) + x phi(x)), 2 tanh (1 - y^2), 3 sigmoid (y (1 - y)),
// 4 square (2 x), 5 copy, 6 elu (x > 0: 1, else exp(x)), 7 silu (s + x s (1 - s), s = sigmoid(x)), 8 leaky relu
// (x > 0: 1, else a), 9 softplus (a x > b: 1, else sigmoid(a x)), 10 hard swish (x <= -3: 0, x >= 3: 1, else
// x / 3 + 1/2), 11 relu6 (0 < x < 6), 12 hard sigmoid (-3 < x < 3: 1/6), 13 hard tanh (-a < x < a). x, y = f(x), dy,
// dx [n]. One thread per four elements. Twin: map/twin/curves.rs unary_bwd.
#import grid
#import special

struct P { a: f32, b: f32 }

override WG: u32 = 64u;
override OP: u32;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> y: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> dy: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> dx: array<vec4<f32>>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (i >= arrayLength(&dx)) {
        return;
    }
    let u = x[i];
    let v = y[i];
    let d = dy[i];
    switch (OP) {
        case 0u: { dx[i] = select(vec4<f32>(0.0), d, u > vec4<f32>(0.0)); }
        case 1u: { dx[i] = d * (normal_cdf4(u) + u * normal_density4(u)); }
        case 2u: { dx[i] = d * ((1.0 - v) * (1.0 + v)); }
        case 3u: { dx[i] = d * (v * (1.0 - v)); }
        case 4u: { dx[i] = 2.0 * u * d; }
        case 6u: { dx[i] = d * exp(min(u, vec4<f32>(0.0))); }
        case 7u: { dx[i] = d * (sigmoid4(u) * (1.0 + u * sigmoid4(-u))); }
        case 8u: { dx[i] = select(p.a * d, d, u > vec4<f32>(0.0)); }
        case 9u: { dx[i] = select(d * sigmoid4(p.a * u), d, p.a * u > vec4<f32>(p.b)); }
        case 10u: {
            let rising = select(d * (u / 3.0 + 0.5), d, u >= vec4<f32>(3.0));
            dx[i] = select(vec4<f32>(0.0), rising, u > vec4<f32>(-3.0));
        }
        case 11u: { dx[i] = select(vec4<f32>(0.0), d, (u > vec4<f32>(0.0)) & (u < vec4<f32>(6.0))); }
        case 12u: { dx[i] = select(vec4<f32>(0.0), d / 6.0, abs(u) < vec4<f32>(3.0)); }
        case 13u: { dx[i] = select(vec4<f32>(0.0), d, abs(u) < vec4<f32>(p.a)); }
        case 14u: {
            let gate = gelu_gate4(u);
            dx[i] = d * (gate + 2.0 * u * gate * gelu_gate4(-u) * gelu_rise4(u));
        }
        default: { dx[i] = d; }
    }
}
