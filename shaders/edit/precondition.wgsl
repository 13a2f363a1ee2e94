// d = grad / (fisher + delta mean_fisher), 0 where the divisor is 0: the ascent direction of natural-gradient
// unlearning with a damped diagonal. grad, fisher, d [len]; mean_fisher [1]. One thread: four elements. Twin:
// edit/twin.rs precondition.
#import grid

struct P { len: u32, delta: f32 }

override WG: u32 = 64u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> grad: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> fisher: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> mean_fisher: array<f32>;
@group(0) @binding(4) var<storage, read_write> d: array<vec4<f32>>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (4u * i >= p.len) {
        return;
    }
    let divisor = fisher[i] + p.delta * mean_fisher[0];
    let zero = divisor == vec4<f32>(0.0);
    d[i] = select(grad[i] / select(divisor, vec4<f32>(1.0), zero), vec4<f32>(0.0), zero);
}
