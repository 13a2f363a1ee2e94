// The length of a step of conjugate gradients: alpha = rho / c, c the sum of part, and one more iteration in the state
// [rho, goal, flag, iterations]. Where the flag is up alpha is 0, and where the curvature c is not positive the flag
// goes up to 2. part [4 quads], state [4], alpha [1]. One thread works. Twin: krylov/twin.rs length.
#import grid
#import bits

struct P { quads: u32 }

override WG: u32 = 64u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> part: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> state: array<f32>;
@group(0) @binding(3) var<storage, read_write> alpha: array<f32>;

#import parts

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    if (group_index(wid, nwg) * WG + lid > 0u) {
        return;
    }
    alpha[0] = 0.0;
    if (state[2] != 0.0) {
        return;
    }
    let c = sum_of_parts();
    // A driver may take NaN > 0 for true.
    if (!is_finite(c) || c <= 0.0) {
        state[2] = 2.0;
        return;
    }
    let step = state[0] / c;
    if (!is_finite(step)) {
        state[2] = 2.0;
        return;
    }
    alpha[0] = step;
    state[3] = state[3] + 1.0;
}
