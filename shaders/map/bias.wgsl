// x[n,c,q] += b[c], in place. One thread per four consecutive elements of x.
// SAME=1: q is a multiple of 4, so the four share a channel. Twin: map/twin.rs bias.
#import grid

struct P { n: u32, c: u32, q: u32 }

override WG: u32 = 64u;
override SAME: u32 = 0u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> x: array<vec4<f32>>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (i >= arrayLength(&x)) {
        return;
    }
    if (SAME == 1u) {
        x[i] += vec4<f32>(b[(4u * i / p.q) % p.c]);
        return;
    }
    let channel = (vec4<u32>(4u * i) + vec4<u32>(0u, 1u, 2u, 3u)) / p.q % p.c;
    x[i] += vec4<f32>(b[channel.x], b[channel.y], b[channel.z], b[channel.w]);
}
