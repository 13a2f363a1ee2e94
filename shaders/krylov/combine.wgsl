// y += sign sum_r c[r] x[r]. x [rows, n], c [rows], y [n], n a multiple of 4. One thread: four elements of y.
// Twin: krylov/twin.rs combine.
#import grid

struct P { rows: u32, quads: u32, sign: f32 }

override WG: u32 = 64u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> c: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4<f32>>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (i >= p.quads) {
        return;
    }
    var sum = vec4<f32>(0.0);
    for (var r = 0u; r < p.rows; r++) {
        sum += c[r] * x[r * p.quads + i];
    }
    y[i] = y[i] + p.sign * sum;
}
