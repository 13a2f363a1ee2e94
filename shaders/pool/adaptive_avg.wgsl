// y[plane, oy, ox] = mean of x over the bin of (oy, ox): the plane cut into oh x ow bins that may overlap and, where
// there are more of them than pixels, repeat. Shapes: x [planes, h, w], y [planes, oh, ow]; planes = n c. One thread
// an output. Overrides: WG. Twin: pool/adaptive.rs avg_twin.
#import grid
#import pool_bins

override WG: u32 = 64u;

@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    let row = i / p.ow;
    let plane = row / p.oh;
    if (plane >= p.planes) {
        return;
    }
    let rows = bin(row - plane * p.oh, p.oh, p.h);
    let columns = bin(i - row * p.ow, p.ow, p.w);
    var sum = 0.0;
    for (var iy = rows.x; iy < rows.y; iy += 1u) {
        for (var ix = columns.x; ix < columns.y; ix += 1u) {
            sum += x[(plane * p.h + iy) * p.w + ix];
        }
    }
    y[i] = sum / held(rows, columns);
}
