// 4 x 4 sums an invocation: two loads from workgroup memory for 16 multiply-adds, and a quarter of the registers, so
// that small results still give every processor several workgroups. BM BN = 16 WG. Several sums may follow one another
// (place().sums); with SQUARES=1 each of them is squared and the squares are added up.
#import grid

override SQUARES: u32 = 0u;

#import tile

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let g = group_index(wid, nwg);
    let at = place(g);
    ready(at.col + 4u * spot_b(lid).x);
    let x_lane = lid % (BN / 4u);
    let y_lane = lid / (BN / 4u);
    var c0 = vec4<f32>(); var c1 = vec4<f32>(); var c2 = vec4<f32>(); var c3 = vec4<f32>();
    var t0 = vec4<f32>(); var t1 = vec4<f32>(); var t2 = vec4<f32>(); var t3 = vec4<f32>();
    let steps = (at.terms + BK - 1u) / BK * at.sums;
    var copy = 0u;
    var s = 0u;
    var first = 0u;
    var ends = false;
    // The first turn stages alone: one place that stages, because drivers compile each for long.
    var next: Staged;
    for (var step = 0u; step <= steps; step += 1u) {
        keep(next, lid, copy);
        workgroupBarrier();
        if (step < steps) {
            next = stage(at, lid, s, first);
        }
        var ia = copy * BK * (BM / 4u + PAD) + y_lane;
        var ib = copy * BK * (BN / 4u + PAD) + x_lane;
        if (step > 0u) {
            // Two terms a turn.
            for (var k = 0u; k < BK; k += 2u) {
                let x = tile_a[ia];
                let w = tile_b[ib];
                let z = tile_a[ia + BM / 4u + PAD];
                let v = tile_b[ib + BN / 4u + PAD];
                c0 += x.x * w; c1 += x.y * w; c2 += x.z * w; c3 += x.w * w;
                c0 += z.x * v; c1 += z.y * v; c2 += z.z * v; c3 += z.w * v;
                ia += 2u * (BM / 4u + PAD);
                ib += 2u * (BN / 4u + PAD);
            }
        }
        if (SQUARES == 1u && ends) {
            t0 += c0 * c0; t1 += c1 * c1; t2 += c2 * c2; t3 += c3 * c3;
            c0 = vec4<f32>(); c1 = vec4<f32>(); c2 = vec4<f32>(); c3 = vec4<f32>();
        }
        first += BK;
        ends = first >= at.terms;
        first = select(first, 0u, ends);
        s += u32(ends);
        if (DOUBLE == 0u) {
            workgroupBarrier();
        }
        copy = copy ^ DOUBLE;
    }
    let r = at.row + 4u * y_lane;
    let c = at.col + 4u * x_lane;
    // With SQUARES the sums are 0 by now, without it the totals are.
    c0 += t0; c1 += t1; c2 += t2; c3 += t3;
    for (var i = 0u; i < 4u; i += 1u) {
        put4(r + i, c, c0);
        c0 = c1; c1 = c2; c2 = c3;
    }
    done(g, lid);
}
