// q += shift d, and part[t] = sum over the quads t, t + parts ... of d q: the curvature d (H + shift) d from q = H d.
// d, q [n], part [parts], n a multiple of 4. One thread per element of part. Twin: krylov/twin.rs curvature.
#import grid

struct P { quads: u32, parts: u32, shift: f32 }

override WG: u32 = 64u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> d: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> q: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> part: array<f32>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (i >= p.parts) {
        return;
    }
    var sum = vec4<f32>(0.0);
    for (var k = i; k < p.quads; k += p.parts) {
        let v = q[k] + p.shift * d[k];
        q[k] = v;
        sum += d[k] * v;
    }
    part[i] = (sum.x + sum.y) + (sum.z + sum.w);
}
