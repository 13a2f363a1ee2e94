// y[slot,h] = sum of a[e,h] b[e,h] over the edges of one slot (see piece.wgsl); PRODUCT=0: of a[e,h] alone.
// PERM=1: over the entries k of the transpose, whose edge is e = perm[k]. a, b [edges,heads], y [slots,heads].
// One thread per element of y. Twin: attention/twin.rs sums.
#import grid
#import piece

struct P { slots: u32, heads: u32 }

override WG: u32 = 64u;
override PERM: u32 = 0u;
override PRODUCT: u32 = 0u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> ptr: array<u32>;
@group(0) @binding(2) var<storage, read> perm: array<u32>;
@group(0) @binding(3) var<storage, read> a: array<f32>;
@group(0) @binding(4) var<storage, read> b: array<f32>;
@group(0) @binding(5) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (i >= p.slots * p.heads) {
        return;
    }
    let w = piece(i / p.heads);
    var sum = 0.0;
    for (var k = w.y; k < w.z; k += 1u) {
        var e = k;
        if (PERM == 1u) {
            e = perm[k];
        }
        let at = e * p.heads + i % p.heads;
        var v = a[at];
        if (PRODUCT == 1u) {
            v *= b[at];
        }
        sum += v;
    }
    y[i] = sum;
}
