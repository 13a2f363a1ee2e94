// dx[t,c] = dy[b,c] for b = seg[t] (MODE=0), divided by the rows of b (MODE=1), or only where arg[b,c] = t (MODE=2).
// dy and arg [segments,cols], dx [rows,cols]; a row of segment 0xffffffff gets 0. One thread per element of dx.
// Twin: graph/segment.rs segment_bwd.
#import grid

struct P { rows: u32, cols: u32, segments: u32 }

override WG: u32 = 64u;
override MODE: u32 = 0u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> seg_ptr: array<u32>;
@group(0) @binding(2) var<storage, read> seg: array<u32>;
@group(0) @binding(3) var<storage, read> arg: array<u32>;
@group(0) @binding(4) var<storage, read> dy: array<f32>;
@group(0) @binding(5) var<storage, read_write> dx: array<f32>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (i >= p.rows * p.cols) {
        return;
    }
    let t = i / p.cols;
    let b = seg[t];
    var out = 0.0;
    if (b < p.segments) {
        let at = b * p.cols + i % p.cols;
        out = dy[at];
        if (MODE == 1u) {
            out /= f32(seg_ptr[b + 1u] - seg_ptr[b]);
        }
        if (MODE == 2u) {
            out = select(0.0, out, arg[at] == t);
        }
    }
    dx[i] = out;
}
