// looped[k] = weight[k], 1 for a self-loop (an entry on the diagonal) of weight 0, which was only added. ptr
// [rows + 1], idx, weight, looped [entries].
// One thread per entry; entries past ptr[rows] are padding and get 0. Twin: graph/norms.rs looped.
#import grid

struct P { rows: u32, entries: u32 }

override WG: u32 = 64u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> ptr: array<u32>;
@group(0) @binding(2) var<storage, read> idx: array<u32>;
@group(0) @binding(3) var<storage, read> weight: array<f32>;
@group(0) @binding(4) var<storage, read_write> looped: array<f32>;

#import csr

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (i >= p.entries) {
        return;
    }
    var w = 0.0;
    if (i < ptr[p.rows]) {
        w = select(weight[i], 1.0, weight[i] == 0.0 && row_of(i, p.rows) == idx[i]);
    }
    looped[i] = w;
}
