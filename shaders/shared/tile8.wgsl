// 8 x 8 sums an invocation, in two halves of the tile each way, so that neighbours read neighbouring vec4s: four loads
// from workgroup memory for 64 multiply-adds. BM BN = 64 WG.
#import grid
#import tile

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let g = group_index(wid, nwg);
    let at = place(g);
    ready(at.col + 4u * spot_b(lid).x);
    let x_lane = lid % (BN / 8u);
    let y_lane = lid / (BN / 8u);
    var c0 = vec4<f32>(); var c1 = vec4<f32>(); var c2 = vec4<f32>(); var c3 = vec4<f32>();
    var c4 = vec4<f32>(); var c5 = vec4<f32>(); var c6 = vec4<f32>(); var c7 = vec4<f32>();
    var d0 = vec4<f32>(); var d1 = vec4<f32>(); var d2 = vec4<f32>(); var d3 = vec4<f32>();
    var d4 = vec4<f32>(); var d5 = vec4<f32>(); var d6 = vec4<f32>(); var d7 = vec4<f32>();
    let steps = (at.terms + BK - 1u) / BK;
    var copy = 0u;
    // The first turn stages alone: one place that stages, because drivers compile each for long.
    var next: Staged;
    for (var step = 0u; step <= steps; step += 1u) {
        keep(next, lid, copy);
        workgroupBarrier();
        if (step < steps) {
            next = stage(at, lid, 0u, step * BK);
        }
        var ia = copy * BK * (BM / 4u + PAD) + y_lane;
        var ib = copy * BK * (BN / 4u + PAD) + x_lane;
        if (step > 0u) {
            // Two terms a turn.
            for (var k = 0u; k < BK; k += 2u) {
                var x = tile_a[ia];
                var z = tile_a[ia + BM / 8u];
                var w = tile_b[ib];
                var v = tile_b[ib + BN / 8u];
                c0 += x.x * w; c1 += x.y * w; c2 += x.z * w; c3 += x.w * w;
                c4 += z.x * w; c5 += z.y * w; c6 += z.z * w; c7 += z.w * w;
                d0 += x.x * v; d1 += x.y * v; d2 += x.z * v; d3 += x.w * v;
                d4 += z.x * v; d5 += z.y * v; d6 += z.z * v; d7 += z.w * v;
                ia += BM / 4u + PAD;
                ib += BN / 4u + PAD;
                x = tile_a[ia];
                z = tile_a[ia + BM / 8u];
                w = tile_b[ib];
                v = tile_b[ib + BN / 8u];
                c0 += x.x * w; c1 += x.y * w; c2 += x.z * w; c3 += x.w * w;
                c4 += z.x * w; c5 += z.y * w; c6 += z.z * w; c7 += z.w * w;
                d0 += x.x * v; d1 += x.y * v; d2 += x.z * v; d3 += x.w * v;
                d4 += z.x * v; d5 += z.y * v; d6 += z.z * v; d7 += z.w * v;
                ia += BM / 4u + PAD;
                ib += BN / 4u + PAD;
            }
        }
        if (DOUBLE == 0u) {
            workgroupBarrier();
        }
        copy = copy ^ DOUBLE;
    }
    let r = at.row + 4u * y_lane;
    let c = at.col + 4u * x_lane;
    let q = r + BM / 2u;
    let d = c + BN / 2u;
    // Four rows' stores, in turn.
    for (var i = 0u; i < 4u; i += 1u) {
        put4(r + i, c, c0); put4(q + i, c, c4); put4(r + i, d, d0); put4(q + i, d, d4);
        c0 = c1; c1 = c2; c2 = c3; c4 = c5; c5 = c6; c6 = c7;
        d0 = d1; d1 = d2; d2 = d3; d4 = d5; d5 = d6; d6 = d7;
    }
    done(g, lid);
}
