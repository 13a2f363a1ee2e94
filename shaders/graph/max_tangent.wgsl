// ry[b,c] = r[t,c] with t = arg[b,c], or idx[arg[b,c]] with EDGES=1, where arg names an entry and not a row; 0 where
// nobody won (arg 0xffffffff): the derivative of a maximum is that of the winner. r [rows,cols], arg and ry [n], n a
// multiple of cols. One thread per element of ry. Twin: graph/tangent.rs max_twin.
#import grid

struct P { n: u32, cols: u32 }

override WG: u32 = 64u;
override EDGES: u32 = 0u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> idx: array<u32>;
@group(0) @binding(2) var<storage, read> arg: array<u32>;
@group(0) @binding(3) var<storage, read> r: array<f32>;
@group(0) @binding(4) var<storage, read_write> ry: array<f32>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (i >= p.n) {
        return;
    }
    var at = arg[i];
    if (at == 0xffffffffu) {
        ry[i] = 0.0;
        return;
    }
    if (EDGES == 1u) {
        at = idx[at];
    }
    ry[i] = r[at * p.cols + i % p.cols];
}
