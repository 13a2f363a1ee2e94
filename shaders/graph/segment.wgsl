// y[b,:] = sum of x[t,:] over seg_ptr[b] <= t < seg_ptr[b + 1], MEAN=1: divided by their number. No rows give 0.
// x [rows,cols], y [segments,cols]. One thread per segment and 4 columns. VEC=1: cols is a multiple of 4.
// Twin: graph/segment.rs segment.
#import grid

struct P { segments: u32, cols: u32 }

override WG: u32 = 64u;
override VEC: u32 = 0u;
override MEAN: u32 = 0u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> seg_ptr: array<u32>;
@group(0) @binding(2) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

#import quad

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    let quads = (p.cols + 3u) / 4u;
    let b = i / quads;
    if (b >= p.segments) {
        return;
    }
    let c = 4u * (i % quads);
    let first = seg_ptr[b];
    let end = seg_ptr[b + 1u];
    var sum = vec4<f32>(0.0);
    for (var t = first; t < end; t += 1u) {
        sum += quad(t, c);
    }
    if (MEAN == 1u) {
        sum /= f32(max(end - first, 1u));
    }
    for (var j = 0u; j < min(4u, p.cols - c); j += 1u) {
        y[b * p.cols + c + j] = sum[j];
    }
}
