// s[n,h] = sum_f z[n,h,f] att[h,f]: one end's half of the score of an edge (Velickovic et al., "Graph attention
// networks", ICLR 2018, eq. 1: a' [W h_i || W h_j] is a sum of two such halves). z [rows,heads,width], att
// [heads,width], s [rows,heads]. One thread per element of s. WIDE=1: width is a multiple of 4. Twin: attention/twin.rs
// scores.
#import grid

struct P { rows: u32, heads: u32, width: u32 }

override WG: u32 = 64u;
override WIDE: u32 = 0u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> z: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> att: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> s: array<f32>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (i >= p.rows * p.heads) {
        return;
    }
    let start = i * p.width;
    let by = (i % p.heads) * p.width;
    if (WIDE == 1u) {
        var sums = vec4<f32>(0.0);
        for (var f = 0u; f < p.width / 4u; f += 1u) {
            sums += z[start / 4u + f] * att[by / 4u + f];
        }
        s[i] = (sums.x + sums.y) + (sums.z + sums.w);
        return;
    }
    var sum = 0.0;
    for (var f = 0u; f < p.width; f += 1u) {
        let a = start + f;
        let b = by + f;
        sum += z[a >> 2u][a & 3u] * att[b >> 2u][b & 3u];
    }
    s[i] = sum;
}
