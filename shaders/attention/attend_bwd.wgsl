// dalpha[e,h] = dy[row,h,:] . z[idx[e],h,:] for every edge of a slot, see piece.wgsl: attend.wgsl backward to its
// weights. idx [edges], dy [rows,heads,width], z [sources,heads,width], dalpha [edges,heads]. One thread per (slot,
// head). WIDE=1: width is a multiple of 4. Twin: attention/twin.rs attend_bwd.
#import grid
#import piece

struct P { slots: u32, heads: u32, width: u32 }

override WG: u32 = 64u;
override WIDE: u32 = 0u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> ptr: array<u32>;
@group(0) @binding(2) var<storage, read> idx: array<u32>;
@group(0) @binding(3) var<storage, read> dy: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> z: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> dalpha: array<f32>;

// dy[a..a + width] . z[b..b + width].
fn inner(a: u32, b: u32) -> f32 {
    if (WIDE == 1u) {
        var sums = vec4<f32>(0.0);
        for (var f = 0u; f < p.width / 4u; f += 1u) {
            sums += dy[a / 4u + f] * z[b / 4u + f];
        }
        return (sums.x + sums.y) + (sums.z + sums.w);
    }
    var sum = 0.0;
    for (var f = 0u; f < p.width; f += 1u) {
        let u = a + f;
        let v = b + f;
        sum += dy[u >> 2u][u & 3u] * z[v >> 2u][v & 3u];
    }
    return sum;
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (i >= p.slots * p.heads) {
        return;
    }
    let h = i % p.heads;
    let w = piece(i / p.heads);
    for (var e = w.y; e < w.z; e += 1u) {
        dalpha[e * p.heads + h] = inner((w.x * p.heads + h) * p.width, (idx[e] * p.heads + h) * p.width);
    }
}
