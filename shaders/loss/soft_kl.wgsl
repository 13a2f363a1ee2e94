// Per row b, against probabilities t: loss = KL(t || softmax(z)) = sum_c t[c] (log t[c] - log softmax(z)[c]) with
// 0 log 0 = 0, dz[c] = softmax(z)[c] sum(t) - t[c]. No 1/B.
// z, t, dz [rows,classes], loss [rows]. One thread per row. Twin: loss/twin.rs soft_kl.
#import grid

struct P { rows: u32, classes: u32 }

override WG: u32 = 64u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> z: array<f32>;
@group(0) @binding(2) var<storage, read> t: array<f32>;
@group(0) @binding(3) var<storage, read_write> loss: array<f32>;
@group(0) @binding(4) var<storage, read_write> dz: array<f32>;

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
    var mass = 0.0;
    for (var c = 0u; c < p.classes; c += 1u) {
        let e = exp(z[row + c] - top);
        dz[row + c] = e;
        sum += e;
        mass += t[row + c];
    }
    let log_sum = log(sum);
    var kl = 0.0;
    for (var c = 0u; c < p.classes; c += 1u) {
        let goal = t[row + c];
        dz[row + c] = dz[row + c] / sum * mass - goal;
        if (goal > 0.0) {
            kl += goal * (log(goal) + (log_sum + (top - z[row + c])));
        }
    }
    loss[i] = kl;
}
