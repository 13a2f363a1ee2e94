// out[i] = s'(v[i]) r[i] dy[i] (+ out[i] with ADD=1), s the slope of an activation as unary_bwd.wgsl computes it from
// v:
// 1 gelu, v = x: phi(x) (2 - x^2); 2 tanh, v = y: -2 y; 3 sigmoid, v = y: 1 - 2 y; 4 square: 2; 6 elu, v = x: exp(x)
// where x <= 0, else 0; 0 relu and 5 copy: 0. v, r, dy, out [n]. One thread per four elements. Twin: map/twin.rs
// unary_bwd_tangent.
#import grid
#import special

override WG: u32 = 64u;
override OP: u32;
override ADD: u32 = 0u;

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
        default: {}
    }
    var sum = bend * r[i] * dy[i];
    if (ADD == 1u) {
        sum += out[i];
    }
    out[i] = sum;
}
