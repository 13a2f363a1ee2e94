// y[(r / group) stride + r % group] = sum_c x[r,c]. x [rows,cols]. One thread per row.
// WIDE=1: cols is a multiple of 4. Twin: reduce/twin.rs rows.
#import grid

struct P { rows: u32, cols: u32, group: u32, stride: u32 }

override WG: u32 = 64u;
override WIDE: u32 = 0u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (i >= p.rows) {
        return;
    }
    var sum = 0.0;
    if (WIDE == 1u) {
        let quads = p.cols / 4u;
        var sums = vec4<f32>(0.0);
        for (var k = i * quads; k < (i + 1u) * quads; k += 1u) {
            sums += x[k];
        }
        sum = (sums.x + sums.y) + (sums.z + sums.w);
    } else {
        for (var k = i * p.cols; k < (i + 1u) * p.cols; k += 1u) {
            sum += x[k >> 2u][k & 3u];
        }
    }
    y[(i / p.group) * p.stride + i % p.group] = sum;
}
