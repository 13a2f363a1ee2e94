// The turn of the direction of conjugate gradients: rho' the sum of part, beta = rho' / rho, and rho' takes rho's place
// in the state [rho, goal, flag, iterations]; at the goal the flag goes up to 1. Where it is up already beta is 0 and
// nothing changes. part [4 quads], state [4], beta [1]. One thread works. Twin: krylov/twin.rs turn.
#import grid
#import bits

struct P { quads: u32 }

override WG: u32 = 64u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> part: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> state: array<f32>;
@group(0) @binding(3) var<storage, read_write> beta: array<f32>;

#import parts

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    if (group_index(wid, nwg) * WG + lid > 0u) {
        return;
    }
    beta[0] = 0.0;
    if (state[2] != 0.0) {
        return;
    }
    let rho = sum_of_parts();
    if (!is_finite(rho)) {
        state[2] = 2.0;
        return;
    }
    beta[0] = rho / state[0];
    state[0] = rho;
    if (rho <= state[1]) {
        state[2] = 1.0;
    }
}
