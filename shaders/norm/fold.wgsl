// Per-sample gradients part [n, c] into a sink.
// MODE=0: out[c] = alpha sum_n part + beta out. MODE=1: out[c] = alpha sum_n part^2 + beta out. One thread: one c.
// MODE=2: out[n stride + c] = part[n, c]. One thread: one (n, c).
// Overrides: WG, MODE. Twin: norm/twin.rs fold.
#import grid

struct P { n: u32, c: u32, stride: u32, alpha: f32, beta: f32 }

override WG: u32 = 64u;
override MODE: u32 = 0u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> part: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (MODE == 2u) {
        if (i < p.n * p.c) {
            let n = i / p.c;
            out[n * p.stride + i - n * p.c] = part[i];
        }
        return;
    }
    if (i >= p.c) {
        return;
    }
    var sum = 0.0;
    for (var n = 0u; n < p.n; n += 1u) {
        let g = part[n * p.c + i];
        sum += select(g, g * g, MODE == 1u);
    }
    sum *= p.alpha;
    // beta 0 must not read: 0 * NaN is NaN.
    if (p.beta != 0.0) {
        sum += p.beta * out[i];
    }
    out[i] = sum;
}
