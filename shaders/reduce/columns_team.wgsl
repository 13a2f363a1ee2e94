// What columns.wgsl computes of one block of all rows, where a GPU has few columns and many rows: a team of TEAM
// invocations per column, a power of two. Each takes every TEAM-th row, and the sums are added in pairs, always the
// same ones. SQUARE as there. Twin: reduce/twin.rs columns.
#import grid

struct P { rows: u32, cols: u32, block: u32, alpha: f32, beta: f32 }

override WG: u32 = 256u;
override TEAM: u32 = 64u;
override SQUARE: u32 = 0u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

var<workgroup> parts: array<f32, WG>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let teams = WG / TEAM;
    let lane = lid / teams;
    // Neighbours in a workgroup take neighbouring columns.
    let c = group_index(wid, nwg) * teams + lid % teams;
    var sum = 0.0;
    if (c < p.cols) {
        for (var r = lane; r < p.rows; r += TEAM) {
            var v = x[r * p.cols + c];
            if (SQUARE == 1u) {
                v *= v;
            }
            sum += v;
        }
    }
    parts[lid] = sum;
    for (var half = TEAM / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if (lane < half) {
            parts[lid] += parts[lid + half * teams];
        }
    }
    if (lane > 0u || c >= p.cols) {
        return;
    }
    var out = p.alpha * parts[lid];
    // beta 0 must not read: 0 * NaN is NaN.
    if (p.beta != 0.0) {
        out += p.beta * y[c];
    }
    y[c] = out;
}
