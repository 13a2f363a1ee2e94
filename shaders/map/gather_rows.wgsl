// y[b,:] = src[idx[b] - row0, :] for every b with row0 <= idx[b] < row0 + rows; the other rows of y stay as they are.
// src [rows,width] is one chunk of a table, idx [batch], y [batch,width]. One thread per four consecutive elements of
// y, which it alone reads and writes. WIDE=1: width is a multiple of 4, so the four share a row. Twin: map/twin.rs
// gather_rows.
#import grid

struct P { row0: u32, rows: u32, width: u32, batch: u32 }

override WG: u32 = 64u;
override WIDE: u32 = 0u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> src: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> idx: array<u32>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4<f32>>;

// Element e of y (flat), or its present value where the row lies in another chunk or past the end.
fn element(e: u32, present: f32) -> f32 {
    if (e >= p.batch * p.width) {
        return present;
    }
    // Rows before row0 wrap to huge numbers and fail the same test.
    let row = idx[e / p.width] - p.row0;
    if (row >= p.rows) {
        return present;
    }
    let s = row * p.width + e % p.width;
    return src[s >> 2u][s & 3u];
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (i >= arrayLength(&y)) {
        return;
    }
    if (WIDE == 1u) {
        let quads = p.width / 4u;
        let row = idx[i / quads] - p.row0;
        if (row < p.rows) {
            y[i] = src[row * quads + i % quads];
        }
        return;
    }
    let v = y[i];
    let e = 4u * i;
    y[i] = vec4<f32>(element(e, v.x), element(e + 1u, v.y), element(e + 2u, v.z), element(e + 3u, v.w));
}
