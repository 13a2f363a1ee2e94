// Per row b: loss = sum_c (y[c] - t[c])^2 / C, dy[c] = 2 (y[c] - t[c]) / C. No 1/B.
// y, t, dy [rows,C], loss [rows]. One thread per row. Twin: loss/twin.rs mse.
#import grid

struct P { rows: u32, classes: u32 }

override WG: u32 = 64u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> y: array<f32>;
@group(0) @binding(2) var<storage, read> t: array<f32>;
@group(0) @binding(3) var<storage, read_write> loss: array<f32>;
@group(0) @binding(4) var<storage, read_write> dy: array<f32>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (i >= p.rows) {
        return;
    }
    let row = i * p.classes;
    let scale = 1.0 / f32(p.classes);
    var sum = 0.0;
    for (var c = 0u; c < p.classes; c += 1u) {
        let d = y[row + c] - t[row + c];
        dy[row + c] = 2.0 * scale * d;
        sum += d * d;
    }
    loss[i] = scale * sum;
}
