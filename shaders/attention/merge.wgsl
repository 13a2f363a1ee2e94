// y[r,:] = sum of part[r + c,:] over the pieces c of row r (see pieces.wgsl), c rising; 0 for a row without edges.
// ptr [rows+1], part [slots,cols], y [rows,cols]. One thread per four consecutive elements of y.
// WIDE=1: cols is a multiple of 4, so the four share a row. Twin: attention/twin.rs merge.
#import grid

struct P { rows: u32, cols: u32, chunk: u32 }

override WG: u32 = 64u;
override WIDE: u32 = 0u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> ptr: array<u32>;
@group(0) @binding(2) var<storage, read> part: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4<f32>>;

// Half-open range of a row's slots.
fn slots(row: u32) -> vec2<u32> {
    let first = ptr[row];
    let end = ptr[row + 1u];
    if (first == end) {
        return vec2<u32>(0u);
    }
    return vec2<u32>(row + first / p.chunk, row + (end - 1u) / p.chunk + 1u);
}

fn element(e: u32) -> f32 {
    if (e >= p.rows * p.cols) {
        return 0.0;
    }
    let range = slots(e / p.cols);
    var sum = 0.0;
    for (var s = range.x; s < range.y; s += 1u) {
        let at = s * p.cols + e % p.cols;
        sum += part[at >> 2u][at & 3u];
    }
    return sum;
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (4u * i >= p.rows * p.cols) {
        return;
    }
    if (WIDE == 1u) {
        let quads = p.cols / 4u;
        let range = slots(i / quads);
        var sum = vec4<f32>(0.0);
        for (var s = range.x; s < range.y; s += 1u) {
            sum += part[s * quads + i % quads];
        }
        y[i] = sum;
        return;
    }
    let e = 4u * i;
    y[i] = vec4<f32>(element(e), element(e + 1u), element(e + 2u), element(e + 3u));
}
