// d = r + beta d; with beta 0 d stays. d, r [n], beta [1]. One thread: four elements. Twin: krylov/twin.rs direction.
#import grid

struct P { quads: u32 }

override WG: u32 = 64u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> r: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> beta: array<f32>;
@group(0) @binding(3) var<storage, read_write> d: array<vec4<f32>>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (i >= p.quads) {
        return;
    }
    let turn = beta[0];
    if (turn != 0.0) {
        d[i] = r[i] + turn * d[i];
    }
}
