// y[i] = a[i] op b[i], op by OP: 0 add, 1 subtract, 2 multiply. a, b, y [n]. One thread per four elements.
// Twin: map/twin.rs binary.
#import grid

override WG: u32 = 64u;
override OP: u32;

@group(0) @binding(1) var<storage, read> a: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> b: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4<f32>>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (i >= arrayLength(&y)) {
        return;
    }
    switch (OP) {
        case 0u: { y[i] = a[i] + b[i]; }
        case 1u: { y[i] = a[i] - b[i]; }
        default: { y[i] = a[i] * b[i]; }
    }
}
