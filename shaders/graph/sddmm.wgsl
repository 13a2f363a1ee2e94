// dval[k] = dy[r,:] . x[idx[k],:] for the entries ptr[r] <= k < ptr[r + 1]. dy [rows,cols], x [sources,cols].
// One thread per entry; entries past ptr[rows] are padding and get 0. PERM=1: the result of entry k goes to
// dval[perm[k]], and padding is left alone. VEC=1: cols is a multiple of 4. Twin: graph/sddmm.rs sddmm.
#import grid

struct P { rows: u32, cols: u32, entries: u32 }

override WG: u32 = 64u;
override VEC: u32 = 0u;
override PERM: u32 = 0u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> ptr: array<u32>;
@group(0) @binding(2) var<storage, read> idx: array<u32>;
@group(0) @binding(3) var<storage, read> perm: array<u32>;
@group(0) @binding(4) var<storage, read> dy: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> dval: array<f32>;

#import csr

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (i >= p.entries) {
        return;
    }
    if (i >= ptr[p.rows]) {
        if (PERM == 0u) {
            dval[i] = 0.0;
        }
        return;
    }
    let a = row_of(i, p.rows) * p.cols;
    let b = idx[i] * p.cols;
    var sum = 0.0;
    if (VEC == 1u) {
        var sums = vec4<f32>(0.0);
        for (var c = 0u; c < p.cols / 4u; c += 1u) {
            sums += dy[(a >> 2u) + c] * x[(b >> 2u) + c];
        }
        sum = (sums.x + sums.y) + (sums.z + sums.w);
    } else {
        for (var c = 0u; c < p.cols; c += 1u) {
            sum += dy[(a + c) >> 2u][(a + c) & 3u] * x[(b + c) >> 2u][(b + c) & 3u];
        }
    }
    var at = i;
    if (PERM == 1u) {
        at = perm[i];
    }
    dval[at] = sum;
}
