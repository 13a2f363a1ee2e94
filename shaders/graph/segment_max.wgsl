// y[b,c] = max of x[t,c] over seg_ptr[b] <= t < seg_ptr[b + 1], arg[b,c] = the lowest t that has it. No rows give 0 and
// 0xffffffff. x [rows,cols], y and arg [segments,cols]. One thread per segment and 4 columns. VEC=1: cols is a multiple
// of 4. Twin: graph/segment.rs segment_max.
#import grid

struct P { segments: u32, cols: u32 }

override WG: u32 = 64u;
override VEC: u32 = 0u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> seg_ptr: array<u32>;
@group(0) @binding(2) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(0) @binding(4) var<storage, read_write> arg: array<u32>;

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
    var best = vec4<f32>(0.0);
    var at = vec4<u32>(0xffffffffu);
    if (first < end) {
        best = quad(first, c);
        at = vec4<u32>(first);
    }
    for (var t = first + 1u; t < end; t += 1u) {
        let v = quad(t, c);
        let more = v > best;
        best = select(best, v, more);
        at = select(at, vec4<u32>(t), more);
    }
    for (var j = 0u; j < min(4u, p.cols - c); j += 1u) {
        y[b * p.cols + c + j] = best[j];
        arg[b * p.cols + c + j] = at[j];
    }
}
