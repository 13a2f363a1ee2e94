// Statistics of channels for every record: stats [n, c, 2] = (mean[c], 1 / sqrt(variance[c] + eps)).
// One thread: one (n, c). Twin: norm/twin.rs spread.
#import grid

struct P { n: u32, c: u32, eps: f32 }

override WG: u32 = 64u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> mean: array<f32>;
@group(0) @binding(2) var<storage, read> variance: array<f32>;
@group(0) @binding(3) var<storage, read_write> stats: array<vec2<f32>>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (i >= p.n * p.c) {
        return;
    }
    let c = i % p.c;
    stats[i] = vec2<f32>(mean[c], 1.0 / sqrt(variance[c] + p.eps));
}
