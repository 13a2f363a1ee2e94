// y[slot,h,:] = sum of alpha[e,h] z[idx[e],h,:] over the edges of one slot, see piece.wgsl (Velickovic et al. 2018, eq.
// 4). PERM=1: over the entries k of the transpose, whose edge is e = perm[k] and whose target is idx[k]; with dy for z
// that is the gradient of z. idx, perm [edges], alpha [edges,heads], z [.,heads,width], y [slots,heads,width]. One
// thread per four consecutive elements of y. WIDE=1: width is a multiple of 4, so the four share a head. Twin:
// attention/twin.rs attend.
#import grid
#import piece

struct P { slots: u32, heads: u32, width: u32 }

override WG: u32 = 64u;
override WIDE: u32 = 0u;
override PERM: u32 = 0u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> ptr: array<u32>;
@group(0) @binding(2) var<storage, read> idx: array<u32>;
@group(0) @binding(3) var<storage, read> perm: array<u32>;
@group(0) @binding(4) var<storage, read> alpha: array<f32>;
@group(0) @binding(5) var<storage, read> z: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> y: array<vec4<f32>>;

fn weight(k: u32, h: u32) -> f32 {
    var e = k;
    if (PERM == 1u) {
        e = perm[k];
    }
    return alpha[e * p.heads + h];
}

fn element(e: u32) -> f32 {
    let cols = p.heads * p.width;
    if (e >= p.slots * cols) {
        return 0.0;
    }
    let w = piece(e / cols);
    let c = e % cols;
    var sum = 0.0;
    for (var k = w.y; k < w.z; k += 1u) {
        let at = idx[k] * cols + c;
        sum += weight(k, c / p.width) * z[at >> 2u][at & 3u];
    }
    return sum;
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    let e = 4u * i;
    if (e >= p.slots * p.heads * p.width) {
        return;
    }
    if (WIDE == 1u) {
        let quads = p.heads * p.width / 4u;
        let w = piece(i / quads);
        let q = i % quads;
        var sum = vec4<f32>(0.0);
        for (var k = w.y; k < w.z; k += 1u) {
            sum += weight(k, 4u * q / p.width) * z[idx[k] * quads + q];
        }
        y[i] = sum;
        return;
    }
    y[i] = vec4<f32>(element(e), element(e + 1u), element(e + 2u), element(e + 3u));
}
