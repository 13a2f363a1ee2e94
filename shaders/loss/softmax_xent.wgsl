// Per row b: loss = log sum_c exp(z[c]) - z[label], dz[c] = softmax(z)[c] - [c = label], correct = [argmax z = label]
// (the lowest index of a tie). dz[label] is minus the sum of the other probabilities: p - 1 would keep no digit of a
// confident answer's gradient, and log(sum) none of its loss. No 1/B. A label >= classes marks a row that does not
// count: loss, dz and correct are 0. z, dz [rows,classes], labels, loss, correct [rows]. AT=1: z and dz are
// [sources,classes], row b is their row at[b], the at distinct; other rows of dz stay as they were, and a row past the
// end counts as little as one without a label. One thread per row. Twin: loss/twin.rs softmax_xent.
#import grid
#import special

struct P { rows: u32, classes: u32, sources: u32 }

override WG: u32 = 64u;
override AT: u32 = 0u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> z: array<f32>;
@group(0) @binding(2) var<storage, read> labels: array<u32>;
@group(0) @binding(3) var<storage, read> at: array<u32>;
@group(0) @binding(4) var<storage, read_write> loss: array<f32>;
@group(0) @binding(5) var<storage, read_write> dz: array<f32>;
@group(0) @binding(6) var<storage, read_write> correct: array<f32>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (i >= p.rows) {
        return;
    }
    var place = i;
    if (AT == 1u) {
        place = at[i];
        if (place >= p.sources) {
            loss[i] = 0.0;
            correct[i] = 0.0;
            return;
        }
    }
    let row = place * p.classes;
    let label = labels[i];
    if (label >= p.classes) {
        for (var c = 0u; c < p.classes; c += 1u) {
            dz[row + c] = 0.0;
        }
        loss[i] = 0.0;
        correct[i] = 0.0;
        return;
    }
    var top = z[row];
    var best = 0u;
    for (var c = 1u; c < p.classes; c += 1u) {
        let v = z[row + c];
        if (v > top) {
            top = v;
            best = c;
        }
    }
    // The label's own exponential is left out, so that a small rest keeps its digits.
    var rest = 0.0;
    for (var c = 0u; c < p.classes; c += 1u) {
        let e = exp(z[row + c] - top);
        dz[row + c] = e;
        rest += select(e, 0.0, c == label);
    }
    let own = dz[row + label];
    let sum = own + rest;
    for (var c = 0u; c < p.classes; c += 1u) {
        dz[row + c] = dz[row + c] / sum;
    }
    dz[row + label] = -rest / sum;
    let sure = best == label;
    loss[i] = select(log(sum) + (top - z[row + label]), log1p(rest), sure);
    correct[i] = select(0.0, 1.0, sure);
}
