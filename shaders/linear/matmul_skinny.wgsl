// The same product as matmul.wgsl where y has few rows or few columns and the sums are long, for GPUs: a workgroup
// computes 4 x 4 of y, its invocations take turns in k, and their sums meet in a tree whose shape is always the same.
// A is read once for every four columns: 8 loads for 16 multiply-adds, so it moves at the speed of the caches and of
// the memory. Best where both operands lie along k: where all rows begin at whole vec4s and consist of them, a load
// brings four terms.
#import grid
#import product_quads

override WG: u32 = 64u;

var<workgroup> part: array<vec4<f32>, 4u * WG>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let blocks_n = (p.n + 3u) / 4u;
    let blocks = blocks_n * ((p.m + 3u) / 4u);
    let g = group_index(wid, nwg);
    let z = g / blocks;
    let live = z < p.batch;
    let row = select(p.m, g % blocks / blocks_n * 4u, live);
    let col = g % blocks_n * 4u;
    let terms = select(0u, terms_of(z), live);
    z_y = z * p.y_z;
    // Rows and columns past the edge read a valid neighbour and are dropped at the store.
    let i = z * p.a_z + min(vec4<u32>(row) + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(p.m - 1u)) * p.a_m;
    let j = z * p.b_z + min(vec4<u32>(col) + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(p.n - 1u)) * p.b_n;
    var c0 = vec4<f32>(); var c1 = vec4<f32>(); var c2 = vec4<f32>(); var c3 = vec4<f32>();
    if (p.a_k == 1u && p.b_k == 1u && ((p.a_m | p.b_n | p.a_z | p.b_z | terms) & 3u) == 0u) {
        for (var k = lid; k < terms / 4u; k += WG) {
            let ia = (i >> vec4<u32>(2u)) + k;
            let ib = (j >> vec4<u32>(2u)) + k;
            var x = mat4x4<f32>(a[ia.x], a[ia.y], a[ia.z], a[ia.w]);
            var w = mat4x4<f32>(b[ib.x], b[ib.y], b[ib.z], b[ib.w]);
            if (SQUARE == 1u) {
                x = mat4x4<f32>(x[0] * x[0], x[1] * x[1], x[2] * x[2], x[3] * x[3]);
                w = mat4x4<f32>(w[0] * w[0], w[1] * w[1], w[2] * w[2], w[3] * w[3]);
            }
            // A row of x by the four columns of w.
            c0 += x[0] * w; c1 += x[1] * w; c2 += x[2] * w; c3 += x[3] * w;
        }
    } else {
        for (var k = lid; k < terms; k += WG) {
            var x = words_a(i + k * p.a_k);
            var w = words_b(j + k * p.b_k);
            if (SQUARE == 1u) {
                x *= x;
                w *= w;
            }
            c0 += x.x * w; c1 += x.y * w; c2 += x.z * w; c3 += x.w * w;
        }
    }
    part[lid] = c0; part[WG + lid] = c1; part[2u * WG + lid] = c2; part[3u * WG + lid] = c3;
    workgroupBarrier();
    for (var half = WG / 2u; half > 0u; half /= 2u) {
        if (lid < half) {
            for (var r = 0u; r < 4u; r += 1u) {
                part[r * WG + lid] += part[r * WG + lid + half];
            }
        }
        workgroupBarrier();
    }
    if (lid < 4u) {
        put4(row + lid, col, part[lid * WG]);
    }
}
