// Running statistics follow those of a batch: s = (1 - momentum) s + momentum b for mean and, from element `spread` of
// the state on, for variance, b the batch's times `unbiased` = count / (count - 1); element `batches` counts one more.
// One thread: one channel. Twin: norm/twin.rs running.
#import grid

struct P { c: u32, spread: u32, batches: u32, momentum: f32, unbiased: f32 }

override WG: u32 = 64u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> mean: array<f32>;
@group(0) @binding(2) var<storage, read> variance: array<f32>;
@group(0) @binding(3) var<storage, read_write> state: array<f32>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let c = group_index(wid, nwg) * WG + lid;
    if (c >= p.c) {
        return;
    }
    let keep = 1.0 - p.momentum;
    state[c] = keep * state[c] + p.momentum * mean[c];
    let at = p.spread + c;
    state[at] = keep * state[at] + p.momentum * p.unbiased * variance[c];
    if (c == 0u) {
        state[p.batches] += 1.0;
    }
}
