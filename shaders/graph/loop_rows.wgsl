// y[k,c] = x[k,c] for an entry k off the diagonal; on the diagonal (a self-loop) the mean of x[.,c] over the other
// entries of its row whose weight is not 0, or 0 without MEAN and where there are none.
// ptr [rows + 1], idx, weight [entries], x, y [entries, cols]. One thread per element of y; entries past ptr[rows] are
// padding and get 0. Twin: graph/loop_rows.rs loop_rows_twin.
#import grid

struct P { rows: u32, entries: u32, cols: u32 }

override WG: u32 = 64u;
override MEAN: u32 = 1u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> ptr: array<u32>;
@group(0) @binding(2) var<storage, read> idx: array<u32>;
@group(0) @binding(3) var<storage, read> weight: array<f32>;
@group(0) @binding(4) var<storage, read> x: array<f32>;
@group(0) @binding(5) var<storage, read_write> y: array<f32>;

#import csr

// The mean of a column over the entries of a row that are no self-loop and take part.
fn others(row: u32, c: u32) -> f32 {
    var sum = 0.0;
    var count = 0.0;
    for (var k = ptr[row]; k < ptr[row + 1u]; k += 1u) {
        if (idx[k] != row && weight[k] != 0.0) {
            sum += x[k * p.cols + c];
            count += 1.0;
        }
    }
    return sum / max(count, 1.0);
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (i >= p.entries * p.cols) {
        return;
    }
    let k = i / p.cols;
    var v = 0.0;
    if (k < ptr[p.rows]) {
        let row = row_of(k, p.rows);
        if (row != idx[k]) {
            v = x[i];
        } else if (MEAN == 1u) {
            v = others(row, i % p.cols);
        }
    }
    y[i] = v;
}
