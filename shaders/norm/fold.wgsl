// Per-sample gradients part [n, c] into a sink.
// MODE=0: out[b, c] = alpha sum_n part + beta out, n over block b of `block` samples; MODE=1 sums part^2. Many samples
// are summed in two calls, blocks first. One thread: one (b, c), samples in order.
// MODE=2: out[n stride + c] = part[n, c]. One thread: one (n, c).
// Overrides: WG, MODE. Twin: norm/twin.rs fold.
#import grid

struct P { n: u32, c: u32, stride: u32, block: u32, alpha: f32, beta: f32 }

override WG: u32 = 64u;
override MODE: u32 = 0u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> part: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (MODE == 2u) {
        if (i < p.n * p.c) {
            let n = i / p.c;
            out[n * p.stride + i - n * p.c] = part[i];
        }
        return;
    }
    let b = i / p.c;
    if (b * p.block >= max(p.n, 1u)) {
        return;
    }
    let end = min(b * p.block + p.block, p.n);
    var sum = 0.0;
    for (var n = b * p.block; n < end; n += 1u) {
        let g = part[n * p.c + i - b * p.c];
        sum += select(g, g * g, MODE == 1u);
    }
    sum *= p.alpha;
    // beta 0 must not read: 0 * NaN is NaN.
    if (p.beta != 0.0) {
        sum += p.beta * out[i];
    }
    out[i] = sum;
}
