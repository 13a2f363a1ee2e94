// Per row b: hr[c] = p[c] (r[c] - sum_k p[k] r[k]), p = softmax(z): the Hessian of the cross-entropy in the logits,
// which does not depend on the label, times r. COUNTED=1: rows with a label >= classes give 0, as they do not count;
// COUNTED=0 does not look at labels. z, r, hr [rows,classes], labels [rows]. One thread per row. Twin: loss/twin.rs
// softmax_xent_tangent.
#import grid

struct P { rows: u32, classes: u32 }

override WG: u32 = 64u;
override COUNTED: u32 = 0u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> z: array<f32>;
@group(0) @binding(2) var<storage, read> labels: array<u32>;
@group(0) @binding(3) var<storage, read> r: array<f32>;
@group(0) @binding(4) var<storage, read_write> hr: array<f32>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (i >= p.rows) {
        return;
    }
    let row = i * p.classes;
    if (COUNTED == 1u && labels[i] >= p.classes) {
        for (var c = 0u; c < p.classes; c += 1u) {
            hr[row + c] = 0.0;
        }
        return;
    }
    var top = z[row];
    var at = 0u;
    for (var c = 1u; c < p.classes; c += 1u) {
        if (z[row + c] > top) {
            top = z[row + c];
            at = c;
        }
    }
    // Relative to the likeliest class, whose part would otherwise cancel where the answer is confident.
    let own = r[row + at];
    var sum = 0.0;
    var mean = 0.0;
    for (var c = 0u; c < p.classes; c += 1u) {
        let e = exp(z[row + c] - top);
        hr[row + c] = e;
        sum += e;
        mean += e * (r[row + c] - own);
    }
    mean /= sum;
    for (var c = 0u; c < p.classes; c += 1u) {
        hr[row + c] = hr[row + c] / sum * (r[row + c] - own - mean);
    }
}
