// part[r, t] = sum over the quads t, t + parts, t + 2 parts ... of x[r] w: one level of the products of rows with a
// vector. x [rows, n], w [n], part [rows, parts], n a multiple of 4. One thread per element of part.
// Twin: krylov/twin.rs dots.
#import grid

struct P { rows: u32, quads: u32, parts: u32 }

override WG: u32 = 64u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> w: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> part: array<f32>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (i >= p.rows * p.parts) {
        return;
    }
    let first = i / p.parts * p.quads;
    var sum = vec4<f32>(0.0);
    for (var k = i % p.parts; k < p.quads; k += p.parts) {
        sum += x[first + k] * w[k];
    }
    part[i] = (sum.x + sum.y) + (sum.z + sum.w);
}
