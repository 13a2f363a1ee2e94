// The same numbers as row_norms.wgsl with a workgroup of 64 for each row, for GPUs and long rows: neighbouring
// invocations read neighbouring vec4s, and their sums meet in workgroup memory in a fixed tree. Twin: reduce/twin.rs
// row_norms.
#import grid

struct P { rows: u32, cols: u32, cols_b: u32 }

override WIDE: u32 = 0u;
override PAIR: u32 = 0u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> a: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> b: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

// Sums of a's squares and of b's.
var<workgroup> sums: array<vec2<f32>, 64>;

fn at_a(e: u32) -> f32 {
    return a[e >> 2u][e & 3u];
}

fn at_b(e: u32) -> f32 {
    return b[e >> 2u][e & 3u];
}

fn share_a(row: u32, lid: u32) -> f32 {
    let first = row * p.cols;
    if (WIDE == 0u) {
        var sum = 0.0;
        for (var e = first + lid; e < first + p.cols; e += 64u) {
            sum += at_a(e) * at_a(e);
        }
        return sum;
    }
    var sum = vec4<f32>(0.0);
    for (var q = (first >> 2u) + lid; q < ((first + p.cols) >> 2u); q += 64u) {
        sum += a[q] * a[q];
    }
    return (sum.x + sum.y) + (sum.z + sum.w);
}

fn share_b(row: u32, lid: u32) -> f32 {
    let first = row * p.cols_b;
    if (WIDE == 0u) {
        var sum = 0.0;
        for (var e = first + lid; e < first + p.cols_b; e += 64u) {
            sum += at_b(e) * at_b(e);
        }
        return sum;
    }
    var sum = vec4<f32>(0.0);
    for (var q = (first >> 2u) + lid; q < ((first + p.cols_b) >> 2u); q += 64u) {
        sum += b[q] * b[q];
    }
    return (sum.x + sum.y) + (sum.z + sum.w);
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let row = group_index(wid, nwg);
    if (row >= p.rows) {
        return;
    }
    var own = vec2<f32>(share_a(row, lid), 1.0);
    if (PAIR == 1u) {
        own.y = share_b(row, lid);
    }
    sums[lid] = own;
    for (var half = 32u; half > 0u; half >>= 1u) {
        workgroupBarrier();
        if (lid < half) {
            sums[lid] += sums[lid + half];
        }
    }
    if (lid == 0u) {
        y[row] = select(sums[0].x, sums[0].x * sums[0].y, PAIR == 1u);
    }
}
