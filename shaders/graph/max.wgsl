// y[r,c] = max of x[idx[k],c] over the entries ptr[r] <= k < ptr[r + 1] with val[k] != 0, arg[r,c] = the lowest k that
// has it; no such entry gives 0 and 0xffffffff. x [sources,cols], y and arg [rows,cols]. One thread per row and 4
// columns. VEC=1: cols is a multiple of 4. Twin: graph/max.rs max.
#import grid

struct P { rows: u32, cols: u32 }

override WG: u32 = 64u;
override VEC: u32 = 0u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> ptr: array<u32>;
@group(0) @binding(2) var<storage, read> idx: array<u32>;
@group(0) @binding(3) var<storage, read> val: array<f32>;
@group(0) @binding(4) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> y: array<f32>;
@group(0) @binding(6) var<storage, read_write> arg: array<u32>;

#import quad

const NONE = 0xffffffffu;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    let quads = (p.cols + 3u) / 4u;
    let row = i / quads;
    if (row >= p.rows) {
        return;
    }
    let c = 4u * (i % quads);
    var best = vec4<f32>(0.0);
    var at = vec4<u32>(NONE);
    for (var k = ptr[row]; k < ptr[row + 1u]; k += 1u) {
        if (val[k] != 0.0) {
            let v = quad(idx[k], c);
            let more = (v > best) | (at == vec4<u32>(NONE));
            best = select(best, v, more);
            at = select(at, vec4<u32>(k), more);
        }
    }
    for (var j = 0u; j < min(4u, p.cols - c); j += 1u) {
        y[row * p.cols + c + j] = best[j];
        arg[row * p.cols + c + j] = at[j];
    }
}
