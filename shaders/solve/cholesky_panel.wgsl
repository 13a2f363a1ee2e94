// The rows below a factored diagonal block: a[i, first..last] becomes x with x L^T = a[i, first..last], L =
// a[first..last, first..last]. a [n,n]. One thread per row i >= last. Twin: solve/twin.rs cholesky_panel.
#import grid

struct P { n: u32, first: u32, last: u32 }

override WG: u32 = 64u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read_write> a: array<f32>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = p.last + group_index(wid, nwg) * WG + lid;
    if (i >= p.n) {
        return;
    }
    for (var j = p.first; j < p.last; j += 1u) {
        var v = a[i * p.n + j];
        for (var m = p.first; m < j; m += 1u) {
            v -= a[i * p.n + m] * a[j * p.n + m];
        }
        a[i * p.n + j] = v / a[j * p.n + j];
    }
}
