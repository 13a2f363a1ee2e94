// s[u] = z[u,:] . z[partner[u],:]. z [n,cols], partner and s [n]. One thread per pair. VEC=1: cols is a multiple of 4.
// Twin: graph/link.rs scores.
#import grid

struct P { n: u32, cols: u32 }

override WG: u32 = 64u;
override VEC: u32 = 0u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> z: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> partner: array<u32>;
@group(0) @binding(3) var<storage, read_write> s: array<f32>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (i >= p.n) {
        return;
    }
    let a = i * p.cols;
    let b = partner[i] * p.cols;
    var sum = 0.0;
    if (VEC == 1u) {
        var sums = vec4<f32>(0.0);
        for (var c = 0u; c < p.cols / 4u; c += 1u) {
            sums += z[(a >> 2u) + c] * z[(b >> 2u) + c];
        }
        sum = (sums.x + sums.y) + (sums.z + sums.w);
    } else {
        for (var c = 0u; c < p.cols; c += 1u) {
            sum += z[(a + c) >> 2u][(a + c) & 3u] * z[(b + c) >> 2u][(b + c) & 3u];
        }
    }
    s[i] = sum;
}
