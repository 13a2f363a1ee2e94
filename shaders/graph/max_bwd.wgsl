// dx[s,c] = sum of dy[idx[k],c] over the entries ptr[s] <= k < ptr[s + 1] of the transpose with arg[idx[k],c] =
// perm[k]:
// a gather, in order. dy = x here and arg [targets,cols], dx [rows,cols]. One thread per row of dx and 4 columns.
// VEC=1: cols is a multiple of 4. Twin: graph/max.rs max_bwd.
#import grid

struct P { rows: u32, cols: u32 }

override WG: u32 = 64u;
override VEC: u32 = 0u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> ptr: array<u32>;
@group(0) @binding(2) var<storage, read> idx: array<u32>;
@group(0) @binding(3) var<storage, read> perm: array<u32>;
@group(0) @binding(4) var<storage, read> arg: array<vec4<u32>>;
@group(0) @binding(5) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> dx: array<f32>;

#import quad
#import winners

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    let quads = (p.cols + 3u) / 4u;
    let row = i / quads;
    if (row >= p.rows) {
        return;
    }
    let c = 4u * (i % quads);
    var sum = vec4<f32>(0.0);
    for (var k = ptr[row]; k < ptr[row + 1u]; k += 1u) {
        let target_row = idx[k];
        let won = winners(target_row, c) == vec4<u32>(perm[k]);
        if (any(won)) {
            sum += select(vec4<f32>(0.0), quad(target_row, c), won);
        }
    }
    for (var j = 0u; j < min(4u, p.cols - c); j += 1u) {
        dx[row * p.cols + c + j] = sum[j];
    }
}
