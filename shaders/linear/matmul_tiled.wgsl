// The same product as matmul.wgsl through workgroup memory, for GPUs: a workgroup of 256 computes 64 x 64 of y, 4 x 4
// per invocation, from tiles of 64 x 16 and 16 x 64 that it stages together. Operands are transposed, squared and
// zero-filled while staging, so NN, NT, TN and ragged shapes share the inner loop. A_ALONG_K=1 where A's rows are
// contiguous (a_k = 1), B_ALONG_N=1 where B's are (b_n = 1): neighbouring invocations then load neighbouring words.
#import grid
#import product

override A_ALONG_K: u32 = 1u;
override B_ALONG_N: u32 = 1u;

// [k][row / 4] and [k][column / 4].
var<workgroup> tile_a: array<vec4<f32>, 256>;
var<workgroup> tile_b: array<vec4<f32>, 256>;

fn at_a(row: u32, k: u32) -> f32 {
    if (row < p.m && k < p.k) {
        return a[row * p.a_m + k * p.a_k];
    }
    return 0.0;
}

fn at_b(k: u32, col: u32) -> f32 {
    if (col < p.n && k < p.k) {
        return b[k * p.b_k + col * p.b_n];
    }
    return 0.0;
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let tiles_n = (p.n + 63u) / 64u;
    let g = group_index(wid, nwg);
    let row0 = g / tiles_n * 64u;
    let col0 = g % tiles_n * 64u;
    let fast = lid % 16u;
    let slow = lid / 16u;
    let ak = select(slow, fast, A_ALONG_K == 1u);
    let aq = select(fast, slow, A_ALONG_K == 1u);
    let bk = select(fast, slow, B_ALONG_N == 1u);
    let bq = select(slow, fast, B_ALONG_N == 1u);
    var c0 = vec4<f32>();
    var c1 = vec4<f32>();
    var c2 = vec4<f32>();
    var c3 = vec4<f32>();
    for (var k0 = 0u; k0 < p.k; k0 += 16u) {
        let row = row0 + aq * 4u;
        let col = col0 + bq * 4u;
        var va = vec4<f32>(at_a(row, k0 + ak), at_a(row + 1u, k0 + ak), at_a(row + 2u, k0 + ak), at_a(row + 3u,
                k0 + ak));
        var vb = vec4<f32>(at_b(k0 + bk, col), at_b(k0 + bk, col + 1u), at_b(k0 + bk, col + 2u), at_b(k0 + bk,
                col + 3u));
        if (SQUARE == 1u) {
            va *= va;
            vb *= vb;
        }
        tile_a[ak * 16u + aq] = va;
        tile_b[bk * 16u + bq] = vb;
        workgroupBarrier();
        for (var k = 0u; k < 16u; k += 1u) {
            let x = tile_a[k * 16u + slow];
            let w = tile_b[k * 16u + fast];
            c0 += x.x * w;
            c1 += x.y * w;
            c2 += x.z * w;
            c3 += x.w * w;
        }
        workgroupBarrier();
    }
    let row = row0 + slow * 4u;
    let col = col0 + fast * 4u;
    store4(row, col, c0);
    store4(row + 1u, col, c1);
    store4(row + 2u, col, c2);
    store4(row + 3u, col, c3);
}
