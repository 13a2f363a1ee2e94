// y[i] = x[i] / (1 - rate) where unit(word i) >= rate, else 0. Word i is word i % 4 of
// Philox(counter = (i / 4, layer, step, 0), key = (seed_lo, seed_hi)), so the backward pass makes the same mask from
// dy. x, y [n], step [seed_lo, seed_hi, step, 0]. One thread per four elements. Twin: map/random.rs dropout.
#import grid
#import philox

struct P { rate: f32, scale: f32, layer: u32 }

override WG: u32 = 64u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> step: array<u32>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4<f32>>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (i >= arrayLength(&y)) {
        return;
    }
    let words = philox(vec4<u32>(i, p.layer, step[2], 0u), vec2<u32>(step[0], step[1]));
    y[i] = select(vec4<f32>(0.0), p.scale * x[i], unit4(words) >= vec4<f32>(p.rate));
}
