// d *= sqrt(num2 / den2), and d = 0 where den2 is 0: gives d the norm whose square is num2. d [len]; num2, den2 [1].
// One thread: four elements. Twin: edit/twin.rs rescale.
#import grid

struct P { len: u32 }

override WG: u32 = 64u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> num2: array<f32>;
@group(0) @binding(2) var<storage, read> den2: array<f32>;
@group(0) @binding(3) var<storage, read_write> d: array<vec4<f32>>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (4u * i >= p.len) {
        return;
    }
    var factor = 0.0;
    if (den2[0] > 0.0) {
        // Roots first: the quotient of the squares overflows where d is tiny.
        factor = sqrt(num2[0]) / sqrt(den2[0]);
    }
    d[i] = d[i] * factor;
}
