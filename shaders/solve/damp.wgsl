// y = a + shift I. a, y [n,n]. One thread per element. Twin: solve/twin.rs damp.
#import grid

struct P { n: u32, shift: f32 }

override WG: u32 = 64u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (i >= p.n * p.n) {
        return;
    }
    y[i] = a[i] + select(0.0, p.shift, i / p.n == i % p.n);
}
