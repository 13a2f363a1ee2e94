// Per row b: prob[c] = exp(z[c]) / sum_k exp(z[k]). z, prob [rows,classes]. One thread per row. Twin: loss/twin.rs
// softmax.
#import grid

struct P { rows: u32, classes: u32 }

override WG: u32 = 64u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> z: array<f32>;
@group(0) @binding(2) var<storage, read_write> prob: array<f32>;

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
    var sum = 0.0;
    for (var c = 0u; c < p.classes; c += 1u) {
        let e = exp(z[row + c] - top);
        prob[row + c] = e;
        sum += e;
    }
    for (var c = 0u; c < p.classes; c += 1u) {
        prob[row + c] = prob[row + c] / sum;
    }
}
