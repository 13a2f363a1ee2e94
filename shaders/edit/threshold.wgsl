// m = 1 where num > gamma den, else 0. All [len]. One thread: four elements. A padding lane (0, 0) gives 0.
// Twin: edit/twin.rs threshold.
#import grid

struct P { len: u32, gamma: f32 }

override WG: u32 = 64u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> num: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> den: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> m: array<vec4<f32>>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (4u * i >= p.len) {
        return;
    }
    m[i] = select(vec4<f32>(0.0), vec4<f32>(1.0), num[i] > p.gamma * den[i]);
}
