// expect: workgroup-init. The first turn adds to whatever lies in the tile: zeros by WGSL, which the trusted lane does
// not pay for.
struct P { rows: u32, cols: u32 }
@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
var<workgroup> tile: array<f32, 64>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
    if (wid.x >= p.rows) {
        return;
    }
    for (var e = lid; e < p.cols; e += 64u) {
        tile[lid] += x[wid.x * p.cols + e];
    }
    workgroupBarrier();
    if (lid == 0u) {
        y[wid.x] = tile[0] + tile[63];
    }
}
