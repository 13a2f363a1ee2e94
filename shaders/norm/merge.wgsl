// Joins the shares of stats.wgsl, part [rows, lanes, 2] = (m_l, M2_l) of n_l elements each, into stats [rows, 2]:
// mean = sum n_l m_l / len, var = (sum M2_l + sum n_l (m_l - mean)^2) / len (Chan, Golub and LeVeque 1979), rstd =
// 1 / sqrt(var + eps). One thread: one row, shares in order. Twin: norm/twin.rs merge.
#import grid
#import lanes

override WG: u32 = 64u;

@group(0) @binding(1) var<storage, read> part: array<f32>;
@group(0) @binding(2) var<storage, read_write> stats: array<f32>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let row = group_index(wid, nwg) * WG + lid;
    if (row >= p.rows) {
        return;
    }
    let base = row * p.lanes * 2u;
    var sum = 0.0;
    for (var l = 0u; l < p.lanes; l += 1u) {
        sum += count(l) * part[base + 2u * l];
    }
    let mean = sum / f32(p.len);
    var m2 = 0.0;
    for (var l = 0u; l < p.lanes; l += 1u) {
        let d = part[base + 2u * l] - mean;
        m2 += part[base + 2u * l + 1u] + count(l) * d * d;
    }
    stats[2u * row] = mean;
    stats[2u * row + 1u] = 1.0 / sqrt(m2 / f32(p.len) + p.eps);
}
