// dz[n,h,f] += ds_src[n,h] att_src[h,f] + ds_dst[n,h] att_dst[h,f]: scores.wgsl backward, for both ends at once.
// ds_src, ds_dst [rows,heads], att_src, att_dst [heads,width], dz [rows,heads,width]. One thread per four consecutive
// elements of dz. WIDE=1: width is a multiple of 4, so the four share a head. Twin: attention/twin.rs scores_bwd.
#import grid

struct P { rows: u32, heads: u32, width: u32 }

override WG: u32 = 64u;
override WIDE: u32 = 0u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> ds_src: array<f32>;
@group(0) @binding(2) var<storage, read> att_src: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> ds_dst: array<f32>;
@group(0) @binding(4) var<storage, read> att_dst: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> dz: array<vec4<f32>>;

fn element(e: u32) -> f32 {
    if (e >= p.rows * p.heads * p.width) {
        return 0.0;
    }
    let nh = e / p.width;
    let a = e % (p.heads * p.width);
    return ds_src[nh] * att_src[a >> 2u][a & 3u] + ds_dst[nh] * att_dst[a >> 2u][a & 3u];
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    let e = 4u * i;
    if (e >= p.rows * p.heads * p.width) {
        return;
    }
    if (WIDE == 1u) {
        let nh = e / p.width;
        let a = i % (p.heads * p.width / 4u);
        dz[i] += ds_src[nh] * att_src[a] + ds_dst[nh] * att_dst[a];
        return;
    }
    dz[i] += vec4<f32>(element(e), element(e + 1u), element(e + 2u), element(e + 3u));
}
