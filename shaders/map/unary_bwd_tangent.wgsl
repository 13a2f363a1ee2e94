// out[i] = s'(v[i]) r[i] dy[i] (+ out[i] with ADD=1), s the slope of an activation as unary_bwd.wgsl computes it from
// v:
// 1 gelu, v = x: phi(x) (2 - x^2); 2 tanh, v = y: -2 y; 3 sigmoid, v = y: 1 - 2 y; 4 square: 2; 6 elu, v = x: exp(x)
// where x <= 0, else 0; 7 silu, v = x: s (1 - s) (2 + x (1 - 2 s)), s = sigmoid(x); 9 softplus, v = x: a s (1 - s),
// s = sigmoid(a x), where a x <= b, else 0; 10 hard swish, v = x: 1/3 where |x| < 3, else 0; what is made of straight
// pieces (0 relu, 5 copy, 8 leaky relu, 11 relu6, 12 hard sigmoid, 13 hard tanh): 0. v, r, dy, out [n]. One thread per
// four elements. Twin: map/twin/curves.rs unary_bwd_tangent.
#import grid
#import special

struct P { a: f32, b: f32 }

override WG: u32 = 64u;
override OP: u32;
override ADD: u32 = 0u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> v: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> r: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> dy: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> out: array<vec4<f32>>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (i >= arrayLength(&out)) {
        return;
    }
    let u = v[i];
    var bend = vec4<f32>(0.0);
    switch (OP) {
        case 1u: { bend = normal_density4(u) * (2.0 - u * u); }
        case 2u: { bend = -2.0 * u; }
        case 3u: { bend = 1.0 - 2.0 * u; }
        case 4u: { bend = vec4<f32>(2.0); }
        case 6u: { bend = select(exp(min(u, vec4<f32>(0.0))), vec4<f32>(0.0), u > vec4<f32>(0.0)); }
        case 7u: {
            let s = sigmoid4(u);
            let rest = sigmoid4(-u);
            bend = s * rest * (2.0 + u * (rest - s));
        }
        case 9u: {
            let s = sigmoid4(p.a * u) * sigmoid4(-p.a * u);
            bend = select(p.a * s, vec4<f32>(0.0), p.a * u > vec4<f32>(p.b));
        }
        case 10u: { bend = select(vec4<f32>(0.0), vec4<f32>(1.0 / 3.0), abs(u) < vec4<f32>(3.0)); }
        case 14u: {
            // With t the tanh: (1 - t^2) = 4 gate (1 - gate), t = 1 - 2 (1 - gate).
            let gate = gelu_gate4(u);
            let rest = gelu_gate4(-u);
            let rise = gelu_rise4(u);
            bend = 4.0 * gate * rest * (rise + u * (0.1070322243 * u - (1.0 - 2.0 * rest) * rise * rise));
        }
        default: {}
    }
    var sum = bend * r[i] * dy[i];
    if (ADD == 1u) {
        sum += out[i];
    }
    out[i] = sum;
}
