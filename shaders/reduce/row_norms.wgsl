// y[r] = sum_c a[r,c]^2, or PAIR=1: (sum_c a[r,c]^2) (sum_c b[r,c]^2), the squared norm of the rank-one matrix a[r]^T
// b[r]. a [rows,cols], b [rows,cols_b], y [rows]. One thread per row. WIDE=1: cols and, in a pair, cols_b are multiples
// of 4. Twin: reduce/twin.rs row_norms.
#import grid

struct P { rows: u32, cols: u32, cols_b: u32 }

override WG: u32 = 64u;
override WIDE: u32 = 0u;
override PAIR: u32 = 0u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> a: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> b: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

fn at_a(e: u32) -> f32 {
    return a[e >> 2u][e & 3u];
}

fn at_b(e: u32) -> f32 {
    return b[e >> 2u][e & 3u];
}

fn squares_a(row: u32) -> f32 {
    var sums = vec4<f32>(0.0);
    let first = row * p.cols;
    let end = first + p.cols;
    if (WIDE == 1u) {
        for (var q = first >> 2u; q < (end >> 2u); q += 1u) {
            let v = a[q];
            sums += v * v;
        }
    } else {
        var e = first;
        for (; e + 4u <= end; e += 4u) {
            let v = vec4<f32>(at_a(e), at_a(e + 1u), at_a(e + 2u), at_a(e + 3u));
            sums += v * v;
        }
        for (; e < end; e += 1u) {
            sums.x += at_a(e) * at_a(e);
        }
    }
    return (sums.x + sums.y) + (sums.z + sums.w);
}

fn squares_b(row: u32) -> f32 {
    var sums = vec4<f32>(0.0);
    let first = row * p.cols_b;
    let end = first + p.cols_b;
    if (WIDE == 1u) {
        for (var q = first >> 2u; q < (end >> 2u); q += 1u) {
            let v = b[q];
            sums += v * v;
        }
    } else {
        var e = first;
        for (; e + 4u <= end; e += 4u) {
            let v = vec4<f32>(at_b(e), at_b(e + 1u), at_b(e + 2u), at_b(e + 3u));
            sums += v * v;
        }
        for (; e < end; e += 1u) {
            sums.x += at_b(e) * at_b(e);
        }
    }
    return (sums.x + sums.y) + (sums.z + sums.w);
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let row = group_index(wid, nwg) * WG + lid;
    if (row >= p.rows) {
        return;
    }
    var norm = squares_a(row);
    if (PAIR == 1u) {
        norm *= squares_b(row);
    }
    y[row] = norm;
}
