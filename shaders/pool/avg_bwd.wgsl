// dx[plane, iy, ix] = sum of dy over the windows that cover (iy, ix) / (KH KW), in window order: a gather; every dx is
// written. Shapes: dy [planes, oh, ow], dx [planes, h, w]. One thread: `strip` neighbouring inputs of one row.
// Overrides: WG, the window KH x KW; NONOVERLAP=1 where stride = window and padding = 0. Twin: pool/twin.rs avg_bwd.
#import grid
#import pool_shape

override WG: u32 = 64u;
override NONOVERLAP: u32 = 0u;

@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read_write> dx: array<f32>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    let strips = (p.w + p.strip - 1u) / p.strip;
    let row = i / strips;
    let plane = row / p.h;
    if (plane >= p.planes) {
        return;
    }
    let iy = row - plane * p.h;
    let ix0 = (i - row * strips) * p.strip;
    let ix1 = min(ix0 + p.strip, p.w);
    let base = plane * p.oh * p.ow;
    if (NONOVERLAP == 1u) {
        let oy = iy / KH;
        // The last rows and columns belong to no window where the window does not divide the plane.
        for (var ix = ix0; ix < ix1; ix += 1u) {
            let ox = ix / KW;
            var sum = 0.0;
            if (oy < p.oh && ox < p.ow) {
                sum = dy[base + oy * p.ow + ox];
            }
            dx[row * p.w + ix] = sum / f32(KH * KW);
        }
        return;
    }
    let oys = covering(iy, p.padding.y, p.stride.y, KH, p.oh);
    for (var ix = ix0; ix < ix1; ix += 1u) {
        let oxs = covering(ix, p.padding.x, p.stride.x, KW, p.ow);
        var sum = 0.0;
        for (var oy = oys.x; oy < oys.y; oy += 1u) {
            for (var ox = oxs.x; ox < oxs.y; ox += 1u) {
                sum += dy[base + oy * p.ow + ox];
            }
        }
        dx[row * p.w + ix] = sum / f32(KH * KW);
    }
}
