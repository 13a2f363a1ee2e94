// x [outer, axis, inner]: every element becomes the mean over its axis, in place.
// One thread: one (outer, inner), the axis in order. Twin: edit/twin.rs axis_mean.
#import grid

struct P { outer: u32, axis: u32, inner: u32 }

override WG: u32 = 64u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read_write> x: array<f32>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (i >= p.outer * p.inner) {
        return;
    }
    let first = (i / p.inner) * p.axis * p.inner + i % p.inner;
    // Four at a time: a chain of rounding a quarter as long, and llvmpipe ends a thread's loops after 65 535 turns.
    let whole = p.axis & ~3u;
    var sums = vec4<f32>();
    for (var a = 0u; a < whole; a += 4u) {
        let at = first + a * p.inner;
        sums += vec4<f32>(x[at], x[at + p.inner], x[at + 2u * p.inner], x[at + 3u * p.inner]);
    }
    for (var a = whole; a < p.axis; a += 1u) {
        sums.x += x[first + a * p.inner];
    }
    let mean = ((sums.x + sums.y) + (sums.z + sums.w)) / f32(p.axis);
    for (var a = 0u; a < whole; a += 4u) {
        let at = first + a * p.inner;
        x[at] = mean;
        x[at + p.inner] = mean;
        x[at + 2u * p.inner] = mean;
        x[at + 3u * p.inner] = mean;
    }
    for (var a = whole; a < p.axis; a += 1u) {
        x[first + a * p.inner] = mean;
    }
}
