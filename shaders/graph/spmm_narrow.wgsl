// What spmm.wgsl computes, for at most 16 columns: one thread per row, so that each entry and its value are read once.
// COLS: the number of columns, which settles the conditions below when the pipeline is built. PERM, BIAS as in
// spmm.wgsl. Twin: graph/spmm.rs spmm.
#import grid

struct P { rows: u32, cols: u32, own: f32 }

override WG: u32 = 64u;
override COLS: u32 = 16u;
override PERM: u32 = 0u;
override BIAS: u32 = 0u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> ptr: array<u32>;
@group(0) @binding(2) var<storage, read> idx: array<u32>;
@group(0) @binding(3) var<storage, read> perm: array<u32>;
@group(0) @binding(4) var<storage, read> val: array<f32>;
@group(0) @binding(5) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read> bias: array<f32>;
@group(0) @binding(7) var<storage, read_write> y: array<f32>;

fn element(row: u32, c: u32) -> f32 {
    if (c >= COLS) {
        return 0.0;
    }
    let e = row * COLS + c;
    return x[e >> 2u][e & 3u];
}

// Columns c .. c + 4 of a row of x.
fn quad(row: u32, c: u32) -> vec4<f32> {
    if ((COLS & 3u) == 0u) {
        return x[(row * COLS + c) >> 2u];
    }
    return vec4<f32>(element(row, c), element(row, c + 1u), element(row, c + 2u), element(row, c + 3u));
}

fn put(row: u32, c: u32, sum: f32) {
    if (c < COLS) {
        var out = sum;
        if (BIAS == 1u) {
            out += bias[c];
        }
        y[row * COLS + c] = out;
    }
}

fn put4(row: u32, c: u32, sum: vec4<f32>) {
    put(row, c, sum.x);
    put(row, c + 1u, sum.y);
    put(row, c + 2u, sum.z);
    put(row, c + 3u, sum.w);
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (i >= p.rows) {
        return;
    }
    var s0 = vec4<f32>(0.0);
    var s1 = vec4<f32>(0.0);
    var s2 = vec4<f32>(0.0);
    var s3 = vec4<f32>(0.0);
    // own 0 must not read: the row may lie past the end of x, or hold a NaN.
    if (p.own != 0.0) {
        s0 = p.own * quad(i, 0u);
        if (COLS > 4u) {
            s1 = p.own * quad(i, 4u);
        }
        if (COLS > 8u) {
            s2 = p.own * quad(i, 8u);
        }
        if (COLS > 12u) {
            s3 = p.own * quad(i, 12u);
        }
    }
    for (var k = ptr[i]; k < ptr[i + 1u]; k += 1u) {
        var at = k;
        if (PERM == 1u) {
            at = perm[k];
        }
        let v = val[at];
        let source = idx[k];
        s0 += v * quad(source, 0u);
        if (COLS > 4u) {
            s1 += v * quad(source, 4u);
        }
        if (COLS > 8u) {
            s2 += v * quad(source, 8u);
        }
        if (COLS > 12u) {
            s3 += v * quad(source, 12u);
        }
    }
    put4(i, 0u, s0);
    put4(i, 4u, s1);
    put4(i, 8u, s2);
    put4(i, 12u, s3);
}
