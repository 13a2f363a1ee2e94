// What one sample adds to the gradients of gamma and beta: dgamma[n,c] = sum_p dy xhat, dbeta[n,c] = sum_p dy, with
// xhat = (x - mean) rstd. Shapes: x, dy [n, c, p]; stats [n, groups, 2]; dgamma, dbeta [n, c].
// One thread: one (n, c), positions in order, in four interleaved sums to shorten the chain of rounding.
// Twin: norm/twin.rs channel.
#import grid

struct P { planes: u32, p: u32, per: u32 }

override WG: u32 = 64u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> stats: array<f32>;
@group(0) @binding(3) var<storage, read> dy: array<f32>;
@group(0) @binding(4) var<storage, read_write> dgamma: array<f32>;
@group(0) @binding(5) var<storage, read_write> dbeta: array<f32>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (i >= p.planes) {
        return;
    }
    let row = i / p.per;
    let mean = stats[2u * row];
    let base = i * p.p;
    let whole = p.p & ~3u;
    var scaled = vec4<f32>();
    var plain = vec4<f32>();
    for (var e = base; e < base + whole; e += 4u) {
        let d = vec4<f32>(dy[e], dy[e + 1u], dy[e + 2u], dy[e + 3u]);
        scaled += d * (vec4<f32>(x[e], x[e + 1u], x[e + 2u], x[e + 3u]) - mean);
        plain += d;
    }
    for (var e = base + whole; e < base + p.p; e += 1u) {
        scaled.x += dy[e] * (x[e] - mean);
        plain.x += dy[e];
    }
    dgamma[i] = ((scaled.x + scaled.y) + (scaled.z + scaled.w)) * stats[2u * row + 1u];
    dbeta[i] = (plain.x + plain.y) + (plain.z + plain.w);
}
