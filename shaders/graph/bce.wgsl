// Binary cross-entropy of logits s against one goal t for all: loss = w (max(s,0) - s t + log(1 + exp(-|s|))) and
// ds = w (sigmoid(s) - t), written as w ((1 - t) sigmoid(s) - t sigmoid(-s)), which keeps the digits of a confident
// answer's gradient. A pair of weight 0 does not count: both are 0. s, weight, loss, ds [n]. One thread per pair.
// Twin: graph/link.rs bce.
#import grid
#import special

struct P { n: u32, goal: f32 }

override WG: u32 = 64u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> s: array<f32>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read_write> loss: array<f32>;
@group(0) @binding(4) var<storage, read_write> ds: array<f32>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (i >= p.n) {
        return;
    }
    let w = weight[i];
    if (w == 0.0) {
        loss[i] = 0.0;
        ds[i] = 0.0;
        return;
    }
    let v = s[i];
    let e = exp(-abs(v));
    let likely = 1.0 / (1.0 + e);
    let positive = select(e * likely, likely, v >= 0.0);
    let negative = select(likely, e * likely, v >= 0.0);
    loss[i] = w * ((max(v, 0.0) - v * p.goal) + log1p(e));
    ds[i] = w * ((1.0 - p.goal) * positive - p.goal * negative);
}
