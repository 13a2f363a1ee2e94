// dz[u,:] = ds[u] z[partner[u],:] + ds[v] z[v,:] with v = inverse[u], the node whose partner u is: both are gathers.
// ADD=1 adds that to dz. z = x here [n,cols]; partner, inverse, ds [n], dz [n,cols]. One thread per node and 4 columns.
// VEC=1: cols is a multiple of 4. Twin: graph/link.rs scores_bwd.
#import grid

struct P { n: u32, cols: u32 }

override WG: u32 = 64u;
override VEC: u32 = 0u;
override ADD: u32 = 0u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> partner: array<u32>;
@group(0) @binding(3) var<storage, read> inverse: array<u32>;
@group(0) @binding(4) var<storage, read> ds: array<f32>;
@group(0) @binding(5) var<storage, read_write> dz: array<f32>;

#import quad

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    let quads = (p.cols + 3u) / 4u;
    let u = i / quads;
    if (u >= p.n) {
        return;
    }
    let c = 4u * (i % quads);
    let v = inverse[u];
    let sum = ds[u] * quad(partner[u], c) + ds[v] * quad(v, c);
    for (var j = 0u; j < min(4u, p.cols - c); j += 1u) {
        let at = u * p.cols + c + j;
        if (ADD == 1u) {
            dz[at] += sum[j];
        } else {
            dz[at] = sum[j];
        }
    }
}
