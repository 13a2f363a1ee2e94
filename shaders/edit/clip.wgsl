// g *= min(1, max_norm / sqrt(norm2)): clipping to a norm. g [len]; norm2 [1] = sum of g squared.
// One thread: four elements. Twin: edit/twin.rs clip.
#import grid

struct P { len: u32, max_norm: f32 }

override WG: u32 = 64u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> norm2: array<f32>;
@group(0) @binding(2) var<storage, read_write> g: array<vec4<f32>>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (4u * i >= p.len) {
        return;
    }
    let norm = sqrt(norm2[0]);
    if (norm > p.max_norm) {
        g[i] = g[i] * (p.max_norm / norm);
    }
}
