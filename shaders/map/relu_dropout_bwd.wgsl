// dx[i] = dy[i] / (1 - rate) where y[i] > 0, else 0, for y of relu_dropout.wgsl: y says by itself what was kept.
// y, dy, dx [n]. One thread per four elements. Twin: map/random.rs relu_dropout_bwd.
#import grid

struct P { rate: f32, scale: f32 }

override WG: u32 = 64u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> y: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> dy: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> dx: array<vec4<f32>>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (i >= arrayLength(&dx)) {
        return;
    }
    dx[i] = select(vec4<f32>(0.0), p.scale * dy[i], y[i] > vec4<f32>(0.0));
}
