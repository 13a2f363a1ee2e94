// sym[k] = c_i c_j looped[k] with c_i = 1 / sqrt(degree[i]), 1 where that is 0 (a row without entries);
// mean[k] = weight[k] / all[i], 0 where all[i] is 0; i is the row of entry k and j = idx[k].
// degree [rows]: sum of a row's looped weights, see looped.wgsl; all [rows]: of its weights.
// One thread per entry; entries past ptr[rows] are padding and get 0. Twin: graph/norms.rs norms.
#import grid

struct P { rows: u32, entries: u32 }

override WG: u32 = 64u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> ptr: array<u32>;
@group(0) @binding(2) var<storage, read> idx: array<u32>;
@group(0) @binding(3) var<storage, read> weight: array<f32>;
@group(0) @binding(4) var<storage, read> looped: array<f32>;
@group(0) @binding(5) var<storage, read> degree: array<f32>;
@group(0) @binding(6) var<storage, read> all: array<f32>;
@group(0) @binding(7) var<storage, read_write> sym: array<f32>;
@group(0) @binding(8) var<storage, read_write> mean: array<f32>;

#import csr

fn root(row: u32) -> f32 {
    let d = degree[row];
    return sqrt(select(d, 1.0, d == 0.0));
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (i >= p.entries) {
        return;
    }
    var s = 0.0;
    var m = 0.0;
    if (i < ptr[p.rows]) {
        let row = row_of(i, p.rows);
        s = looped[i] / (root(row) * root(idx[i]));
        if (all[row] != 0.0) {
            m = weight[i] / all[row];
        }
    }
    sym[i] = s;
    mean[i] = m;
}
