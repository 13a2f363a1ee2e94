// y[i] = a[i] + s b[i] (McCalpin's STREAM triad): two loads for one store. a, b, y [n]. One thread per four elements.
// Twin: peak/twin.rs triad.
#import grid

struct P { s: f32 }

override WG: u32 = 64u;

@group(0) @binding(0) var<uniform> p: P;
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
    y[i] = a[i] + p.s * b[i];
}
