// x [outer, axis, inner]: every element becomes the mean over its axis, in place.
// One thread: one (outer, inner), the axis in order. Twin: edit/twin.rs axis_mean.
#import grid

struct P { outer: u32, axis: u32, inner: u32 }

override WG: u32 = 64u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read_write> x: array<f32>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (i >= p.outer * p.inner) {
        return;
    }
    let first = (i / p.inner) * p.axis * p.inner + i % p.inner;
    var sum = 0.0;
    for (var a = 0u; a < p.axis; a += 1u) {
        sum += x[first + a * p.inner];
    }
    let mean = sum / f32(p.axis);
    for (var a = 0u; a < p.axis; a += 1u) {
        x[first + a * p.inner] = mean;
    }
}
