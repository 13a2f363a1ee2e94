// y[i] = x[i]: what memory can carry, one load and one store of a vec4 each thread. x, y [n]. Twin: peak/twin.rs copy.
#import grid

override WG: u32 = 64u;

@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4<f32>>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (i >= arrayLength(&y)) {
        return;
    }
    y[i] = x[i];
}
