// The same product as matmul.wgsl for adapters where loads are dear and barriers dearer (CPU rasterisers, 8+ lanes):
// each invocation owns 16 rows x 2 columns of y in registers; a row's operand is loaded by one lane and broadcast
// through the subgroup, so one step of k costs 2 + 2 loads for 32 multiply-adds. No shared memory, no barrier.
// One workgroup: 16 rows x 2*WG columns. Needs subgroups of at least 8 lanes (lanes 0..8 are read from).
#import grid
#import product

override WG: u32 = 32u;

fn store2(row: u32, col: u32, sum: vec2<f32>) {
    store(row, col, sum.x);
    store(row, col + WG, sum.y);
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32,
        @builtin(subgroup_invocation_id) lane: u32) {
    let tiles_n = (p.n + 2u * WG - 1u) / (2u * WG);
    let g = group_index(wid, nwg);
    let row0 = (g / tiles_n) * 16u;
    let col0 = (g % tiles_n) * 2u * WG + lid;
    // Out-of-range rows and columns read a valid neighbour and are dropped at the store.
    let row_last = p.m - 1u;
    let a0 = min(row0 + (lane & 7u), row_last) * p.a_m;
    let a1 = min(row0 + 8u + (lane & 7u), row_last) * p.a_m;
    let b0 = min(col0, p.n - 1u) * p.b_n;
    let b1 = min(col0 + WG, p.n - 1u) * p.b_n;
    var c0 = vec2<f32>(); var c1 = vec2<f32>(); var c2 = vec2<f32>(); var c3 = vec2<f32>();
    var c4 = vec2<f32>(); var c5 = vec2<f32>(); var c6 = vec2<f32>(); var c7 = vec2<f32>();
    var c8 = vec2<f32>(); var c9 = vec2<f32>(); var c10 = vec2<f32>(); var c11 = vec2<f32>();
    var c12 = vec2<f32>(); var c13 = vec2<f32>(); var c14 = vec2<f32>(); var c15 = vec2<f32>();
    for (var k = 0u; k < p.k; k += 1u) {
        var x0 = a[a0 + k * p.a_k];
        var x1 = a[a1 + k * p.a_k];
        var w = vec2<f32>(b[b0 + k * p.b_k], b[b1 + k * p.b_k]);
        if (SQUARE == 1u) {
            x0 *= x0;
            x1 *= x1;
            w *= w;
        }
        c0 += subgroupBroadcast(x0, 0u) * w; c1 += subgroupBroadcast(x0, 1u) * w;
        c2 += subgroupBroadcast(x0, 2u) * w; c3 += subgroupBroadcast(x0, 3u) * w;
        c4 += subgroupBroadcast(x0, 4u) * w; c5 += subgroupBroadcast(x0, 5u) * w;
        c6 += subgroupBroadcast(x0, 6u) * w; c7 += subgroupBroadcast(x0, 7u) * w;
        c8 += subgroupBroadcast(x1, 0u) * w; c9 += subgroupBroadcast(x1, 1u) * w;
        c10 += subgroupBroadcast(x1, 2u) * w; c11 += subgroupBroadcast(x1, 3u) * w;
        c12 += subgroupBroadcast(x1, 4u) * w; c13 += subgroupBroadcast(x1, 5u) * w;
        c14 += subgroupBroadcast(x1, 6u) * w; c15 += subgroupBroadcast(x1, 7u) * w;
    }
    store2(row0, col0, c0); store2(row0 + 1u, col0, c1); store2(row0 + 2u, col0, c2); store2(row0 + 3u, col0, c3);
    store2(row0 + 4u, col0, c4); store2(row0 + 5u, col0, c5); store2(row0 + 6u, col0, c6); store2(row0 + 7u, col0, c7);
    store2(row0 + 8u, col0, c8); store2(row0 + 9u, col0, c9); store2(row0 + 10u, col0, c10); store2(row0 + 11u, col0,
            c11);
    store2(row0 + 12u, col0, c12); store2(row0 + 13u, col0, c13); store2(row0 + 14u, col0, c14); store2(row0 + 15u,
            col0, c15);
}
