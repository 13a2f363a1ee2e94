// The derivative of what merge.wgsl wrote: part [rows, lanes, 2] = (m_l, M2_l), stats [rows, 2] = (mean, rstd) and
// rpart the derivative of part give rstats = (rmean, -rstd^3 / 2 var') with rmean = sum n_l rm_l / len and
// var' = (sum rM2_l + 2 sum n_l (m_l - mean) (rm_l - rmean)) / len. One thread: one row. Twin: norm/twin.rs
// merge_tangent.
#import grid
#import lanes

override WG: u32 = 64u;

@group(0) @binding(1) var<storage, read> part: array<f32>;
@group(0) @binding(2) var<storage, read> stats: array<f32>;
@group(0) @binding(3) var<storage, read> rpart: array<f32>;
@group(0) @binding(4) var<storage, read_write> rstats: array<f32>;

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
        sum += count(l) * rpart[base + 2u * l];
    }
    let along = sum / f32(p.len);
    let mean = stats[2u * row];
    let rstd = stats[2u * row + 1u];
    var m2 = 0.0;
    for (var l = 0u; l < p.lanes; l += 1u) {
        let at = base + 2u * l;
        m2 += rpart[at + 1u] + 2.0 * count(l) * (part[at] - mean) * (rpart[at] - along);
    }
    rstats[2u * row] = along;
    rstats[2u * row + 1u] = -0.5 * rstd * rstd * rstd * m2 / f32(p.len);
}
