// out[n,h,f] = z[n,h,f] s[n,h]. With s the gradient of one end's scores, row n of out is that row's part of the
// gradient of the attention vector. z, out [rows,heads,width], s [rows,heads]. One thread per four consecutive elements
// of out. WIDE=1: width is a multiple of 4, so the four share a head. Twin: attention/twin.rs scale.
#import grid

struct P { rows: u32, heads: u32, width: u32 }

override WG: u32 = 64u;
override WIDE: u32 = 0u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> z: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> s: array<f32>;
@group(0) @binding(3) var<storage, read_write> out: array<vec4<f32>>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    let len = p.rows * p.heads * p.width;
    if (4u * i >= len) {
        return;
    }
    if (WIDE == 1u) {
        out[i] = z[i] * s[4u * i / p.width];
        return;
    }
    // The last quad may reach past the end: its padding takes the last factor.
    let at = min(vec4<u32>(4u * i) + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(len - 1u)) / p.width;
    out[i] = z[i] * vec4<f32>(s[at.x], s[at.y], s[at.z], s[at.w]);
}
