// The derivative of what stats.wgsl wrote, for r the derivative of x. FINAL=1, out = (m, rstd): (mean of r, -rstd^3
// mean of (x - m) (r - mean of r)). FINAL=0, out = (m, M2): (mean of r, 2 sum (x - m) (r - mean of r)). x, r [rows,
// len], out and rout [rows, lanes, 2], each row dealt to `lanes` threads as there. CENTRED=0: m is 0 and stays.
// Overrides: WG, FINAL, CENTRED. Twin: norm/twin.rs stats_tangent.
#import grid
#import lanes

override WG: u32 = 64u;
override FINAL: u32 = 0u;
override CENTRED: u32 = 1u;

@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> out: array<f32>;
@group(0) @binding(3) var<storage, read> r: array<f32>;
@group(0) @binding(4) var<storage, read_write> rout: array<f32>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (i >= p.rows * p.lanes) {
        return;
    }
    let row = i / p.lanes;
    let lane = i - row * p.lanes;
    let held = max(count(lane), 1.0);
    let end = (row + 1u) * p.len;
    let mean = out[2u * i];
    var sum = 0.0;
    for (var e = row * p.len + lane; e < end; e += p.lanes) {
        sum += r[e];
    }
    var along = sum / held;
    if (CENTRED == 0u) {
        along = 0.0;
    }
    var joint = 0.0;
    for (var e = row * p.len + lane; e < end; e += p.lanes) {
        joint += (x[e] - mean) * (r[e] - along);
    }
    rout[2u * i] = along;
    if (FINAL == 1u) {
        let rstd = out[2u * i + 1u];
        rout[2u * i + 1u] = -rstd * rstd * rstd * joint / held;
    } else {
        rout[2u * i + 1u] = 2.0 * joint;
    }
}
