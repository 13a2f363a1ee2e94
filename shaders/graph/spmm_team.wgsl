// What spmm.wgsl computes, where a few rows are far longer than the others: a team of TEAM invocations per row and 4
// columns. PERM, BIAS, VEC as in spmm.wgsl. Twin: graph/spmm.rs spmm.
#import grid

struct P { rows: u32, cols: u32, own: f32 }

override WG: u32 = 64u;
override TEAM: u32 = 16u;
override VEC: u32 = 0u;
override PERM: u32 = 0u;
override BIAS: u32 = 0u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> ptr: array<u32>;
@group(0) @binding(2) var<storage, read> idx: array<u32>;
@group(0) @binding(3) var<storage, read> perm: array<u32>;
@group(0) @binding(4) var<storage, read> val: array<f32>;
@group(0) @binding(5) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read> bias: array<f32>;
@group(0) @binding(7) var<storage, read_write> y: array<f32>;

#import quad
#import team_row

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * (WG / TEAM) + lid % (WG / TEAM);
    let quads = (p.cols + 3u) / 4u;
    let row = i / quads;
    let c = 4u * (i % quads);
    var sum = team_row(row, c, lid);
    if (lid >= WG / TEAM || row >= p.rows) {
        return;
    }
    // own 0 must not read: the row may lie past the end of x, or hold a NaN.
    if (p.own != 0.0) {
        sum += p.own * quad(row, c);
    }
    for (var j = 0u; j < min(4u, p.cols - c); j += 1u) {
        var out = sum[j];
        if (BIAS == 1u) {
            out += bias[c + j];
        }
        y[row * p.cols + c + j] = out;
    }
}
