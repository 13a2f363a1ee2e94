// Sums over the entries of each segment's rows: y[b lanes + j] = sum of x[e] over ptr[seg[b]] cols <= e < ptr[seg[b +
// 1]] cols with e = j mod lanes, counted from the first. x [entries,cols], row r has the entries ptr[r] .. ptr[r + 1],
// segment b the rows seg[b] .. seg[b + 1]. One thread per segment and lane. Twin: graph/features.rs span_sums.
#import grid

struct P { segments: u32, cols: u32, lanes: u32 }

override WG: u32 = 64u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> seg: array<u32>;
@group(0) @binding(2) var<storage, read> ptr: array<u32>;
@group(0) @binding(3) var<storage, read> x: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    let b = i / p.lanes;
    if (b >= p.segments) {
        return;
    }
    let end = ptr[seg[b + 1u]] * p.cols;
    var sum = 0.0;
    for (var e = ptr[seg[b]] * p.cols + i % p.lanes; e < end; e += p.lanes) {
        sum += x[e];
    }
    y[i] = sum;
}
