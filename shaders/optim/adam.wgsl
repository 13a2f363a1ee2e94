// torch.optim.Adam, or AdamW with DECOUPLED=1: m = beta1 m + (1 - beta1) g, v = beta2 v + (1 - beta2) g^2,
// theta -= (lr / bc1) m / (sqrt(v) / sqrt(bc2) + eps). Adam adds weight_decay theta to g first, AdamW scales theta by
// 1 - lr weight_decay first. lr, bc1 = 1 - beta1^t, bc2 = 1 - beta2^t are hyper[0..3].
// theta, grad, m, v [n]. One thread per four elements. Twin: optim/twin.rs adam.
#import grid

// The complements come from the host in f64: 1 - 0.999 in f32 is off by 1e-5.
struct P { beta1: f32, one_minus_beta1: f32, beta2: f32, one_minus_beta2: f32, eps: f32, weight_decay: f32 }

override WG: u32 = 64u;
override DECOUPLED: u32 = 0u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> grad: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> hyper: array<f32>;
@group(0) @binding(3) var<storage, read_write> theta: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> m: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> v: array<vec4<f32>>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (i >= arrayLength(&theta)) {
        return;
    }
    let lr = hyper[0];
    var w = theta[i];
    var g = grad[i];
    if (DECOUPLED == 1u) {
        w *= 1.0 - lr * p.weight_decay;
    } else {
        g += p.weight_decay * w;
    }
    let first = p.beta1 * m[i] + p.one_minus_beta1 * g;
    let second = p.beta2 * v[i] + p.one_minus_beta2 * g * g;
    m[i] = first;
    v[i] = second;
    theta[i] = w - (lr / hyper[1]) * first / (sqrt(second) / sqrt(hyper[2]) + p.eps);
}
