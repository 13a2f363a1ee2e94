// y[r,:] = max(sum_k val[k] x[idx[k],:] (+ bias), 0) over the entries k of row r, and with DROP=1 the dropout of
// relu_dropout.wgsl behind it, with the same words and bits: spmm.wgsl, relu and dropout in one pass.
// x [sources,cols], y [rows,cols], bias [cols], cols a multiple of 4 QUADS; step [seed_lo, seed_hi, step, 0], read with
// DROP=1 alone. One thread per row and 4 QUADS columns. PERM, BIAS as in spmm.wgsl. Twin: graph/relu/twin.rs spmm_relu.
#import grid
#import philox

struct P { rows: u32, cols: u32, rate: f32, scale: f32, layer: u32 }

override WG: u32 = 64u;
override QUADS: u32 = 1u;
override PERM: u32 = 0u;
override BIAS: u32 = 0u;
override DROP: u32 = 0u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> ptr: array<u32>;
@group(0) @binding(2) var<storage, read> idx: array<u32>;
@group(0) @binding(3) var<storage, read> perm: array<u32>;
@group(0) @binding(4) var<storage, read> val: array<f32>;
@group(0) @binding(5) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read> step: array<u32>;
@group(0) @binding(8) var<storage, read_write> y: array<vec4<f32>>;

#import row_quads
#import relu_put

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
    put_quads(row * (p.cols / 4u) + first, row_quads(Quads(), row, first));
}
