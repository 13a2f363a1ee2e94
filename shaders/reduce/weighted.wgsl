// y[c] = alpha sum_r w[r] x[r,c] + beta y[c]: a weighted sum of rows, such as the records' own gradients times their
// clipping factors. x [rows,cols], w [rows], y [cols]. A row of weight 0 may hold anything. One thread per 4 columns.
// WIDE=1: cols is a multiple of 4. Twin: reduce/twin.rs weighted.
#import grid

struct P { rows: u32, cols: u32, alpha: f32, beta: f32 }

override WG: u32 = 64u;
override WIDE: u32 = 0u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> w: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

fn at(e: u32) -> f32 {
    return x[e >> 2u][e & 3u];
}

fn put(c: u32, sum: f32) {
    var out = p.alpha * sum;
    // beta 0 must not read: 0 * NaN is NaN.
    if (p.beta != 0.0) {
        out += p.beta * y[c];
    }
    y[c] = out;
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let c = (group_index(wid, nwg) * WG + lid) * 4u;
    if (c >= p.cols) {
        return;
    }
    let left = p.cols - c;
    let last = p.rows * p.cols - 1u;
    var sums = vec4<f32>(0.0);
    for (var r = 0u; r < p.rows; r += 1u) {
        let weight = w[r];
        let e = r * p.cols + c;
        var v = vec4<f32>(0.0);
        if (WIDE == 1u) {
            v = x[e >> 2u];
        } else {
            // Past the last column lie the next row's, which are not stored; nothing is read past the last row.
            v = vec4<f32>(at(e), at(min(e + 1u, last)), at(min(e + 2u, last)), at(min(e + 3u, last)));
        }
        sums += select(weight * v, vec4<f32>(0.0), weight == 0.0);
    }
    put(c, sums.x);
    if (left > 1u) {
        put(c + 1u, sums.y);
    }
    if (left > 2u) {
        put(c + 2u, sums.z);
    }
    if (left > 3u) {
        put(c + 3u, sums.w);
    }
}
