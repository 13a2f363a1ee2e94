// y[n,c] = x[n,c] min(1, clip / sqrt(squares[n])), WEIGHT=1: times weight[n]: rows of logit gradients scaled so that
// the gradient of record n, whose squared norm is squares[n], becomes no longer than clip (Abadi et al. 2016, algorithm
// 1). A norm of 0 is let be. x, y [rows,classes]; squares, weight [rows]. One thread per element. Twin: loss/twin.rs
// clip_rows.
#import grid

struct P { rows: u32, classes: u32, clip: f32 }

override WG: u32 = 64u;
override WEIGHT: u32 = 0u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> squares: array<f32>;
@group(0) @binding(3) var<storage, read> weight: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (i >= p.rows * p.classes) {
        return;
    }
    let n = i / p.classes;
    var factor = 1.0;
    let norm = sqrt(squares[n]);
    // Compared, not divided and bounded: nothing divides by 0.
    if (norm > p.clip) {
        factor = p.clip / norm;
    }
    if (WEIGHT == 1u) {
        // A row that does not count may hold anything.
        factor = select(factor * weight[n], 0.0, weight[n] == 0.0);
    }
    y[i] = select(factor * x[i], 0.0, factor == 0.0);
}
