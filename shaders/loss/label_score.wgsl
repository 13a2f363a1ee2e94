// Per row b, with p = softmax(z) and one class y for all rows: dz[c] = sqrt(p[y]) (p[c] - [c = y]), the gradient of
// -log p[y] weighted so that its square, summed over y, is the expectation over the model's own labels.
// z, dz [rows,classes]. One thread per row. Twin: loss/twin.rs label_score.
#import grid

struct P { rows: u32, classes: u32, label: u32 }

override WG: u32 = 64u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> z: array<f32>;
@group(0) @binding(2) var<storage, read_write> dz: array<f32>;

#import row_max

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (i >= p.rows) {
        return;
    }
    let row = i * p.classes;
    let top = row_max(row);
    // As in softmax_xent.wgsl: p - 1 is minus the sum of the other probabilities.
    var rest = 0.0;
    for (var c = 0u; c < p.classes; c += 1u) {
        let e = exp(z[row + c] - top);
        dz[row + c] = e;
        rest += select(e, 0.0, c == p.label);
    }
    let sum = dz[row + p.label] + rest;
    let weight = exp(0.5 * (z[row + p.label] - top - log(sum)));
    for (var c = 0u; c < p.classes; c += 1u) {
        dz[row + c] = weight * dz[row + c] / sum;
    }
    dz[row + p.label] = -weight * rest / sum;
}
