// y[j,c] = alpha * sum_r x[r,c] + beta * y[j,c] over the rows j block <= r < (j + 1) block. x [rows,cols],
// y [ceil(rows / block), cols]. SQUARE=1 sums x^2. One thread per element of y. Twin: reduce/twin.rs columns.
#import grid

struct P { rows: u32, cols: u32, block: u32, alpha: f32, beta: f32 }

override WG: u32 = 64u;
override SQUARE: u32 = 0u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    // An empty sum is 0, so there is always one block.
    let blocks = max((p.rows + p.block - 1u) / p.block, 1u);
    if (i >= blocks * p.cols) {
        return;
    }
    let j = i / p.cols;
    let first = j * p.block;
    let last = min(first + p.block, p.rows);
    // Counted on, not worked out anew: software adapters leave a division in the loop where it stands.
    var e = first * p.cols + i - j * p.cols;
    var sum = 0.0;
    for (var r = first; r < last; r += 1u) {
        var v = x[e];
        e += p.cols;
        if (SQUARE == 1u) {
            v *= v;
        }
        sum += v;
    }
    var out = p.alpha * sum;
    // beta 0 must not read: 0 * NaN is NaN.
    if (p.beta != 0.0) {
        out += p.beta * y[i];
    }
    y[i] = out;
}
