// Joins the shares of stats.wgsl over a batch: part [n, c, lanes, 2] = (m, M2) of x [n, c, len] becomes each channel's
// mean [c] and biased variance var [c] over records and positions (Chan, Golub and LeVeque 1979), mean first.
// One thread: one channel, shares in order. Twin: norm/twin.rs batch.
#import grid

struct P { n: u32, c: u32, len: u32, lanes: u32 }

override WG: u32 = 64u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> part: array<f32>;
@group(0) @binding(2) var<storage, read_write> mean: array<f32>;
@group(0) @binding(3) var<storage, read_write> variance: array<f32>;

// Elements that a share holds, and where it is.
fn held(share: u32) -> f32 {
    return f32((p.len + p.lanes - 1u - share % p.lanes) / p.lanes);
}

fn place(share: u32, c: u32) -> u32 {
    return 2u * ((share / p.lanes * p.c + c) * p.lanes + share % p.lanes);
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let c = group_index(wid, nwg) * WG + lid;
    if (c >= p.c) {
        return;
    }
    let all = max(f32(p.n) * f32(p.len), 1.0);
    var sum = 0.0;
    for (var s = 0u; s < p.n * p.lanes; s += 1u) {
        sum += held(s) * part[place(s, c)];
    }
    let m = sum / all;
    var m2 = 0.0;
    for (var s = 0u; s < p.n * p.lanes; s += 1u) {
        let at = place(s, c);
        let d = part[at] - m;
        m2 += part[at + 1u] + held(s) * d * d;
    }
    mean[c] = m;
    variance[c] = m2 / all;
}
