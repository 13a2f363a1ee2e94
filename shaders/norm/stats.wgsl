// Mean and spread of the rows of x [rows, len], each row dealt to `lanes` threads (element e to thread e mod lanes).
// One thread: two passes over its share, mean m and then M2 = sum (x - m)^2; never sum x^2 - m^2, which cancels.
// FINAL=1 (lanes = 1): out[row] = (m, 1 / sqrt(M2 / len + eps)). FINAL=0: out[row, lane] = (m, M2), joined by
// merge.wgsl. CENTRED=0: m is 0, so that 1 / rstd is the root mean square. Overrides: WG, FINAL, CENTRED. Twin:
// norm/twin.rs stats.
#import grid
#import lanes

override WG: u32 = 64u;
override FINAL: u32 = 0u;
override CENTRED: u32 = 1u;

@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

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
    var sum = 0.0;
    for (var e = row * p.len + lane; e < end; e += p.lanes) {
        sum += x[e];
    }
    var mean = sum / held;
    if (CENTRED == 0u) {
        mean = 0.0;
    }
    var m2 = 0.0;
    for (var e = row * p.len + lane; e < end; e += p.lanes) {
        let d = x[e] - mean;
        m2 += d * d;
    }
    if (FINAL == 1u) {
        m2 = 1.0 / sqrt(m2 / held + p.eps);
    }
    out[2u * i] = mean;
    out[2u * i + 1u] = m2;
}
