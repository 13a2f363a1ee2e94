// The rows first..last of L x = b (TRANSPOSED=0) or L^T x = b (TRANSPOSED=1) for many right-hand sides, where the other
// rows' part is already subtracted; x takes the place of b. L [n,n] of which the lower triangle counts; element (i,r)
// of b lies at i b_row + r b_col. One thread per right-hand side. Twin: solve/twin.rs triangular_diagonal.
#import grid

struct P { n: u32, sides: u32, b_row: u32, b_col: u32, first: u32, last: u32 }

override WG: u32 = 64u;
override TRANSPOSED: u32 = 0u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> l: array<f32>;
@group(0) @binding(2) var<storage, read_write> b: array<f32>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let r = group_index(wid, nwg) * WG + lid;
    if (r >= p.sides) {
        return;
    }
    let at = r * p.b_col;
    for (var step = 0u; step < p.last - p.first; step += 1u) {
        var i = p.first + step;
        var begin = p.first;
        var end = i;
        if (TRANSPOSED == 1u) {
            i = p.last - 1u - step;
            begin = i + 1u;
            end = p.last;
        }
        var v = b[at + i * p.b_row];
        for (var m = begin; m < end; m += 1u) {
            let k = select(i * p.n + m, m * p.n + i, TRANSPOSED == 1u);
            v -= l[k] * b[at + m * p.b_row];
        }
        b[at + i * p.b_row] = v / l[i * p.n + i];
    }
}
