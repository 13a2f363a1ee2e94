// x += alpha d, r -= alpha q, and part[t] = sum over the quads t, t + parts ... of r r. With alpha 0 nothing moves and
// the sums are 0. x, r, d, q [n], alpha [1], part [parts], n a multiple of 4. One thread per element of part.
// Twin: krylov/twin.rs advance.
#import grid

struct P { quads: u32, parts: u32 }

override WG: u32 = 64u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> d: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> q: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> alpha: array<f32>;
@group(0) @binding(4) var<storage, read_write> x: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> r: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> part: array<f32>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (i >= p.parts) {
        return;
    }
    let step = alpha[0];
    var sum = vec4<f32>(0.0);
    // 0 times what a product left behind need not be 0.
    if (step != 0.0) {
        for (var k = i; k < p.quads; k += p.parts) {
            x[k] = x[k] + step * d[k];
            let v = r[k] - step * q[k];
            r[k] = v;
            sum += v * v;
        }
    }
    part[i] = (sum.x + sum.y) + (sum.z + sum.w);
}
