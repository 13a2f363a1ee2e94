// A step of a triangular solve with many right-hand sides, of which the rows before `first` (TRANSPOSED=0) or from
// `last` on (TRANSPOSED=1) already hold x: b[i,r] -= sum_m L[i,m] x[m,r] for first <= i < last over m < first, or with
// L^T in the place of L over m >= last. L [n,n] of which the lower triangle counts; element (i,r) of b lies at i
// b_row + r b_col. One thread per 4 rows and 4 right-hand sides. Twin: solve/twin.rs triangular_update.
#import grid

struct P { n: u32, sides: u32, b_row: u32, b_col: u32, first: u32, last: u32 }

override WG: u32 = 64u;
override TRANSPOSED: u32 = 0u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> l: array<f32>;
@group(0) @binding(2) var<storage, read_write> b: array<f32>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let t = group_index(wid, nwg) * WG + lid;
    let wide = (p.sides + 3u) / 4u;
    let i = p.first + 4u * (t / wide);
    let r = 4u * (t % wide);
    if (i >= p.last) {
        return;
    }
    let rows = min(vec4<u32>(i, i + 1u, i + 2u, i + 3u), vec4<u32>(p.last - 1u));
    let cols = p.b_col * min(vec4<u32>(r, r + 1u, r + 2u, r + 3u), vec4<u32>(p.sides - 1u));
    // Element m of the row i of L, or of L^T.
    var row_step = p.n;
    var m_step = 1u;
    var begin = 0u;
    // first, and last below: a loop between parameters alone may have llvmpipe compile the shader at each dispatch
    // (docs/drivers/llvmpipe-inlined-parameters.md).
    var end = min(p.first, i);
    if (TRANSPOSED == 1u) {
        row_step = 1u;
        m_step = p.n;
        begin = max(p.last, i);
        end = p.n;
    }
    let at = row_step * rows;
    var s0 = vec4<f32>(0.0);
    var s1 = vec4<f32>(0.0);
    var s2 = vec4<f32>(0.0);
    var s3 = vec4<f32>(0.0);
    for (var m = begin; m < end; m += 1u) {
        let k = m_step * m;
        let o = p.b_row * m;
        let x = vec4<f32>(b[cols.x + o], b[cols.y + o], b[cols.z + o], b[cols.w + o]);
        s0 += l[at.x + k] * x;
        s1 += l[at.y + k] * x;
        s2 += l[at.z + k] * x;
        s3 += l[at.w + k] * x;
    }
    for (var k = 0u; k < 4u; k += 1u) {
        b_sub(i, r + k, s0[k]);
        b_sub(i + 1u, r + k, s1[k]);
        b_sub(i + 2u, r + k, s2[k]);
        b_sub(i + 3u, r + k, s3[k]);
    }
}

fn b_sub(i: u32, r: u32, s: f32) {
    if (i < p.last && r < p.sides) {
        b[i * p.b_row + r * p.b_col] -= s;
    }
}
