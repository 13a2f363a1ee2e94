// y[plane, oy, ox] = max of x over the window at (oy, ox) stride - padding; arg = iy * w + ix of the winner, the first
// on ties. Padding never wins; a NaN in the window does (the last one, as in PyTorch). Shapes: x [planes, h, w], y and
// arg [planes, oh, ow]; planes = n c. One thread: `strip` neighbouring outputs of one row, so that the divisions of the
// index are paid once per strip (integer division is what a software adapter would spend its time on); strip = 1 on
// GPUs. RELU=1: of max(x, 0); a window without a number above 0 has y = 0 and no winner, arg = 0xffffffff, so that the
// gradient of both is that of the maximum alone. Overrides: WG, the window KH x KW. Twin: pool/twin.rs max.
#import grid
#import pool_shape
#import bits

override WG: u32 = 64u;
override RELU: u32 = 0u;

@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<storage, read_write> arg: array<u32>;

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
        var best = 0.0;
        var at = 0xffffffffu;
        for (var ky = 0u; ky < KH; ky += 1u) {
            // Rows and columns above or left of the plane wrap around to large numbers and fail the test too.
            let iy = oy * p.stride.y + ky - p.padding.y;
            for (var kx = 0u; kx < KW; kx += 1u) {
                let ix = ox * p.stride.x + kx - p.padding.x;
                if (iy < p.h && ix < p.w) {
                    let v = x[base + iy * p.w + ix];
                    if (at == 0xffffffffu || is_nan(v) || (!is_nan(best) && v > best)) {
                        best = v;
                        at = iy * p.w + ix;
                    }
                }
            }
        }
        if (RELU == 1u && best <= 0.0) {
            best = 0.0;
            at = 0xffffffffu;
        }
        y[row * p.ow + ox] = best;
        arg[row * p.ow + ox] = at;
    }
}
