// y[plane, oy, ox] = mean of x over the window KH x KW at (oy, ox) stride - padding: padding counts as zeros
// (PyTorch's count_include_pad = true). Shapes: x [planes, h, w], y [planes, oh, ow]; planes = n c.
// One thread: `strip` neighbouring outputs of one row. Overrides: WG, the window KH x KW. Twin: pool/twin.rs avg.
#import grid
#import pool_shape

override WG: u32 = 64u;

@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    let strips = (p.ow + p.strip - 1u) / p.strip;
    let row = i / strips;
    let plane = row / p.oh;
    if (plane >= p.planes) {
        return;
    }
    let oy = row - plane * p.oh;
    let ox0 = (i - row * strips) * p.strip;
    let ox1 = min(ox0 + p.strip, p.ow);
    let base = plane * p.h * p.w;
    for (var ox = ox0; ox < ox1; ox += 1u) {
        var sum = 0.0;
        for (var ky = 0u; ky < KH; ky += 1u) {
            // Rows and columns above or left of the plane wrap around to large numbers and fail the test too.
            let iy = oy * p.stride.y + ky - p.padding.y;
            for (var kx = 0u; kx < KW; kx += 1u) {
                let ix = ox * p.stride.x + kx - p.padding.x;
                if (iy < p.h && ix < p.w) {
                    sum += x[base + iy * p.w + ix];
                }
            }
        }
        y[row * p.ow + ox] = sum / f32(KH * KW);
    }
}
