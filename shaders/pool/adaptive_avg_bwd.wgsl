// dx[plane, iy, ix] = sum over the bins that hold (iy, ix) of dy / their size, in the bins' order: a gather; every dx
// is written. Shapes: dy [planes, oh, ow], dx [planes, h, w]. One thread an input. Overrides: WG. Twin:
// pool/adaptive.rs avg_bwd_twin.
#import grid
#import pool_bins

override WG: u32 = 64u;

@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read_write> dx: array<f32>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    let row = i / p.w;
    let plane = row / p.h;
    if (plane >= p.planes) {
        return;
    }
    let oys = bin(row - plane * p.h, p.h, p.oh);
    let oxs = bin(i - row * p.w, p.w, p.ow);
    var sum = 0.0;
    for (var oy = oys.x; oy < oys.y; oy += 1u) {
        let rows = bin(oy, p.oh, p.h);
        for (var ox = oxs.x; ox < oxs.y; ox += 1u) {
            sum += dy[(plane * p.oh + oy) * p.ow + ox] / held(rows, bin(ox, p.ow, p.w));
        }
    }
    dx[i] = sum;
}
