// Selective synaptic dampening (Foster et al., AAAI 2024, eq. 3 and 4): where forget > alpha full,
// theta *= min(lambda full / forget, 1) and mask = 1; elsewhere theta stays and mask = 0. All [len].
// One thread: four elements. A padding lane (all 0) stays 0. Twin: edit/twin.rs dampen.
#import grid

struct P { len: u32, alpha: f32, lambda: f32 }

override WG: u32 = 64u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> full: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> forget: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> theta: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> mask: array<vec4<f32>>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (4u * i >= p.len) {
        return;
    }
    let f = forget[i];
    let d = full[i];
    let chosen = f > p.alpha * d;
    // Where nothing is chosen f may be 0.
    let factor = min(p.lambda * d / select(vec4<f32>(1.0), f, chosen), vec4<f32>(1.0));
    theta[i] = select(theta[i], theta[i] * factor, chosen);
    mask[i] = select(vec4<f32>(0.0), vec4<f32>(1.0), chosen);
}
