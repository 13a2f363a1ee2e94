// y[t] = scale * sum of x[e] over the quads e / 4 = t, t + parts, t + 2 parts ...: one level of the sum of all of x.
// x [n], y [parts]. SQUARE=1 sums x^2. One thread per element of y; neighbours read neighbouring quads.
// Twin: reduce/twin.rs total.
#import grid

struct P { n: u32, parts: u32, scale: f32 }

override WG: u32 = 64u;
override SQUARE: u32 = 0u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (i >= p.parts) {
        return;
    }
    let quads = (p.n + 3u) / 4u;
    var sums = vec4<f32>(0.0);
    for (var k = i; k < quads; k += p.parts) {
        var v = x[k];
        if (4u * k + 4u > p.n) {
            // The last quad may reach past x into whatever lies there.
            let e = vec4<u32>(4u * k) + vec4<u32>(0u, 1u, 2u, 3u);
            v = select(vec4<f32>(0.0), v, e < vec4<u32>(p.n));
        }
        if (SQUARE == 1u) {
            v *= v;
        }
        sums += v;
    }
    y[i] = p.scale * ((sums.x + sums.y) + (sums.z + sums.w));
}
