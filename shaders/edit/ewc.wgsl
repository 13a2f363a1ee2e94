// grad += lambda (fisher / mean_fisher) (theta - theta0): the gradient of the elastic penalty with a Fisher diagonal
// normalised by its mean; nothing where mean_fisher is 0. grad, fisher, theta, theta0 [len]; mean_fisher [1].
// One thread: four elements. Twin: edit/twin.rs ewc.
#import grid

struct P { len: u32, lambda: f32 }

override WG: u32 = 64u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> fisher: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> mean_fisher: array<f32>;
@group(0) @binding(3) var<storage, read> theta: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> theta0: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> grad: array<vec4<f32>>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (4u * i >= p.len) {
        return;
    }
    if (mean_fisher[0] > 0.0) {
        grad[i] = grad[i] + p.lambda / mean_fisher[0] * fisher[i] * (theta[i] - theta0[i]);
    }
}
