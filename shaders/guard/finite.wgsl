// flag[0] = min(flag[0], the lowest i with x[i] NaN or infinite): the caller starts it at 0xffffffff. A minimum does
// not depend on the order of its terms, so the result is the same every time. x [n], flag [1] u32.
// One thread per four elements. Twin: guard.rs finite_twin.
#import grid
#import bits

struct P { n: u32 }

override WG: u32 = 64u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> flag: array<atomic<u32>>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    let e = 4u * i;
    if (e >= p.n) {
        return;
    }
    let v = x[i];
    var bad = 4u;
    if (!is_finite(v.w)) { bad = 3u; }
    if (!is_finite(v.z)) { bad = 2u; }
    if (!is_finite(v.y)) { bad = 1u; }
    if (!is_finite(v.x)) { bad = 0u; }
    // The last quad may reach past x into whatever lies there.
    if (bad < 4u && e + bad < p.n) {
        atomicMin(&flag[0], e + bad);
    }
}
