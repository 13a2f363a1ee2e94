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
    keep(stage(at, lid, 0u, 0u), lid, copy);
    workgroupBarrier();
    for (var step = 0u; step < steps; step += 1u) {
        var next: Staged;
        if (step + 1u < steps) {
            next = stage(at, lid, 0u, (step + 1u) * BK);
        }
        var ia = copy * BK * (BM / 4u + PAD) + y_lane;
        var ib = copy * BK * (BN / 4u + PAD) + x_lane;
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
        if (DOUBLE == 0u) {
            workgroupBarrier();
        }
        copy = copy ^ DOUBLE;
        keep(next, lid, copy);
        workgroupBarrier();
    }
    let r = at.row + 4u * y_lane;
    let c = at.col + 4u * x_lane;
    let q = r + BM / 2u;
    let d = c + BN / 2u;
    put4(r, c, c0); put4(r + 1u, c, c1); put4(r + 2u, c, c2); put4(r + 3u, c, c3);
    put4(q, c, c4); put4(q + 1u, c, c5); put4(q + 2u, c, c6); put4(q + 3u, c, c7);
    put4(r, d, d0); put4(r + 1u, d, d1); put4(r + 2u, d, d2); put4(r + 3u, d, d3);
    put4(q, d, d4); put4(q + 1u, d, d5); put4(q + 2u, d, d6); put4(q + 3u, d, d7);
    done(g, lid);
}
