// The same product as matmul.wgsl in registers alone, for software adapters without subgroups of 8: each invocation
// owns 8 rows x 4 columns of y and loads 8 + 4 operands for 32 multiply-adds. No workgroup memory, no barrier, no
// subgroup.
#import grid
#import product

override WG: u32 = 16u;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let blocks_n = (p.n + 3u) / 4u;
    let i = group_index(wid, nwg) * WG + lid;
    let row0 = i / blocks_n * 8u;
    let col0 = i % blocks_n * 4u;
    if (row0 >= p.m) {
        return;
    }
    // Rows and columns past the edge read a valid neighbour and are dropped at the store.
    let rows_lo = min(vec4<u32>(row0) + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(p.m - 1u)) * p.a_m;
    let rows_hi = min(vec4<u32>(row0) + vec4<u32>(4u, 5u, 6u, 7u), vec4<u32>(p.m - 1u)) * p.a_m;
    let cols = min(vec4<u32>(col0) + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(p.n - 1u)) * p.b_n;
    var c0 = vec4<f32>(); var c1 = vec4<f32>(); var c2 = vec4<f32>(); var c3 = vec4<f32>();
    var c4 = vec4<f32>(); var c5 = vec4<f32>(); var c6 = vec4<f32>(); var c7 = vec4<f32>();
    for (var k = 0u; k < p.k; k += 1u) {
        let ia = rows_lo + k * p.a_k;
        let ja = rows_hi + k * p.a_k;
        let ib = cols + k * p.b_k;
        var x = vec4<f32>(a[ia.x], a[ia.y], a[ia.z], a[ia.w]);
        var z = vec4<f32>(a[ja.x], a[ja.y], a[ja.z], a[ja.w]);
        var w = vec4<f32>(b[ib.x], b[ib.y], b[ib.z], b[ib.w]);
        if (SQUARE == 1u) {
            x *= x;
            z *= z;
            w *= w;
        }
        c0 += x.x * w; c1 += x.y * w; c2 += x.z * w; c3 += x.w * w;
        c4 += z.x * w; c5 += z.y * w; c6 += z.z * w; c7 += z.w * w;
    }
    store4(row0, col0, c0); store4(row0 + 1u, col0, c1); store4(row0 + 2u, col0, c2); store4(row0 + 3u, col0, c3);
    store4(row0 + 4u, col0, c4); store4(row0 + 5u, col0, c5); store4(row0 + 6u, col0, c6); store4(row0 + 7u, col0, c7);
}
