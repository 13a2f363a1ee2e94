// torch.optim.SGD, dampening 0: g = grad + weight_decay theta; with momentum v = momentum v + g and g = v, or
// g + momentum v with NESTEROV=1; theta -= lr g. lr = hyper[0].
// MOMENTUM=0 leaves velocity alone. theta, grad, velocity [n]. One thread per four elements. Twin: optim/twin.rs sgd.
#import grid

struct P { momentum: f32, weight_decay: f32 }

override WG: u32 = 64u;
override MOMENTUM: u32 = 0u;
override NESTEROV: u32 = 0u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> grad: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> hyper: array<f32>;
@group(0) @binding(3) var<storage, read_write> theta: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> velocity: array<vec4<f32>>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (i >= arrayLength(&theta)) {
        return;
    }
    let w = theta[i];
    var g = grad[i] + p.weight_decay * w;
    if (MOMENTUM == 1u) {
        let v = p.momentum * velocity[i] + g;
        velocity[i] = v;
        if (NESTEROV == 1u) {
            g += p.momentum * v;
        } else {
            g = v;
        }
    }
    theta[i] = w - hyper[0] * g;
}
