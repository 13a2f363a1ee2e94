// dz[n,h,f] = dy[n,f] / heads: mean.wgsl backward. dy [rows,width], dz [rows,heads,width]. One thread per four
// consecutive elements of dz. WIDE=1: width is a multiple of 4, so the four share a head. Twin: attention/twin.rs
// mean_bwd.
#import grid

struct P { rows: u32, heads: u32, width: u32 }

override WG: u32 = 64u;
override WIDE: u32 = 0u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> dy: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> dz: array<vec4<f32>>;

fn element(e: u32) -> f32 {
    let cols = p.heads * p.width;
    if (e >= p.rows * cols) {
        return 0.0;
    }
    let at = e / cols * p.width + e % p.width;
    return dy[at >> 2u][at & 3u] / f32(p.heads);
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
        let quads = p.width / 4u;
        dz[i] = dy[i / (quads * p.heads) * quads + i % quads] / f32(p.heads);
        return;
    }
    dz[i] = vec4<f32>(element(e), element(e + 1u), element(e + 2u), element(e + 3u));
}
