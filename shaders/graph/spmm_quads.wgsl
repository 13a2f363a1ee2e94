// What spmm.wgsl computes, for rows of whole vec4s, which are stored as they are read: one thread per row and 4 QUADS
// columns, so that each entry and its value are read once for them. PERM, BIAS as in spmm.wgsl. Twin: graph/spmm.rs
// spmm.
#import grid

struct P { rows: u32, cols: u32, own: f32 }

override WG: u32 = 64u;
override QUADS: u32 = 1u;
override PERM: u32 = 0u;
override BIAS: u32 = 0u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> ptr: array<u32>;
@group(0) @binding(2) var<storage, read> idx: array<u32>;
@group(0) @binding(3) var<storage, read> perm: array<u32>;
@group(0) @binding(4) var<storage, read> val: array<f32>;
@group(0) @binding(5) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read_write> y: array<vec4<f32>>;

#import row_quads

fn put(at: u32, sum: vec4<f32>) {
    y[at] = sum;
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    let pieces = p.cols / (4u * QUADS);
    let row = i / pieces;
    if (row >= p.rows) {
        return;
    }
    let first = i % pieces * QUADS;
    var s = Quads();
    // own 0 must not read: the row may lie past the end of x, or hold a NaN.
    if (p.own != 0.0) {
        s = more(s, p.own, row, first);
    }
    s = row_quads(s, row, first);
    put_quads(row * (p.cols / 4u) + first, s);
}
