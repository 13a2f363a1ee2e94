// The derivative of what channel.wgsl wrote: rdgamma[n,c] = sum_p (rdy xhat + dy rxhat), rdbeta[n,c] = sum_p rdy, with
// xhat = (x - mean) rstd and rxhat = (r - rmean) rstd + (x - mean) rrstd, for r, rdy and rstats = (rmean, rrstd) the
// derivatives of x, dy and stats. x, dy, r, rdy [n, c, p]; stats, rstats [n, groups, 2]; rdgamma, rdbeta [n, c].
// One thread: one (n, c), positions in order, in four interleaved sums. Twin: norm/twin.rs channel_tangent.
#import grid

struct P { planes: u32, p: u32, per: u32 }

override WG: u32 = 64u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> stats: array<f32>;
@group(0) @binding(3) var<storage, read> dy: array<f32>;
@group(0) @binding(4) var<storage, read> r: array<f32>;
@group(0) @binding(5) var<storage, read> rstats: array<f32>;
@group(0) @binding(6) var<storage, read> rdy: array<f32>;
@group(0) @binding(7) var<storage, read_write> rdgamma: array<f32>;
@group(0) @binding(8) var<storage, read_write> rdbeta: array<f32>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (i >= p.planes) {
        return;
    }
    let row = i / p.per;
    let mean = stats[2u * row];
    let rstd = stats[2u * row + 1u];
    let along = rstats[2u * row];
    let bend = rstats[2u * row + 1u];
    let base = i * p.p;
    let whole = p.p & ~3u;
    var scaled = vec4<f32>();
    var plain = vec4<f32>();
    for (var e = base; e < base + whole; e += 4u) {
        let v = vec4<f32>(x[e], x[e + 1u], x[e + 2u], x[e + 3u]) - mean;
        let d = vec4<f32>(dy[e], dy[e + 1u], dy[e + 2u], dy[e + 3u]);
        let rd = vec4<f32>(rdy[e], rdy[e + 1u], rdy[e + 2u], rdy[e + 3u]);
        let rv = vec4<f32>(r[e], r[e + 1u], r[e + 2u], r[e + 3u]) - along;
        scaled += rd * (v * rstd) + d * (rv * rstd + v * bend);
        plain += rd;
    }
    for (var e = base + whole; e < base + p.p; e += 1u) {
        let v = x[e] - mean;
        scaled.x += rdy[e] * (v * rstd) + dy[e] * ((r[e] - along) * rstd + v * bend);
        plain.x += rdy[e];
    }
    rdgamma[i] = (scaled.x + scaled.y) + (scaled.z + scaled.w);
    rdbeta[i] = (plain.x + plain.y) + (plain.z + plain.w);
}
