// y[n,f] = sum_h z[n,h,f] / heads: the last layer's average over heads (Velickovic et al. 2018, eq. 6).
// z [rows,heads,width], y [rows,width]. One thread per four consecutive elements of y. WIDE=1: width is a multiple of
// 4, so the four share a row. Twin: attention/twin.rs mean.
#import grid

struct P { rows: u32, heads: u32, width: u32 }

override WG: u32 = 64u;
override WIDE: u32 = 0u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> z: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4<f32>>;

fn element(e: u32) -> f32 {
    if (e >= p.rows * p.width) {
        return 0.0;
    }
    let row = e / p.width;
    var sum = 0.0;
    for (var h = 0u; h < p.heads; h += 1u) {
        let at = (row * p.heads + h) * p.width + e % p.width;
        sum += z[at >> 2u][at & 3u];
    }
    return sum / f32(p.heads);
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    let e = 4u * i;
    if (e >= p.rows * p.width) {
        return;
    }
    if (WIDE == 1u) {
        let quads = p.width / 4u;
        let start = i / quads * p.heads * quads + i % quads;
        var sum = vec4<f32>(0.0);
        for (var h = 0u; h < p.heads; h += 1u) {
            sum += z[start + h * quads];
        }
        y[i] = sum / f32(p.heads);
        return;
    }
    y[i] = vec4<f32>(element(e), element(e + 1u), element(e + 2u), element(e + 3u));
}
