// stats[r,h,:] = (maximum, sum of exp(v - maximum)) of a row from those of its pieces, in rising order (see
// pieces.wgsl). ptr [rows+1], part [slots,heads,2], stats [rows,heads,2]. One thread per (row, head).
// Twin: attention/twin.rs softmax_merge.
#import grid

struct P { rows: u32, heads: u32, chunk: u32 }

override WG: u32 = 64u;

const LOWEST: f32 = -0x1.fffffep127f;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> ptr: array<u32>;
@group(0) @binding(2) var<storage, read> part: array<f32>;
@group(0) @binding(3) var<storage, read_write> stats: array<f32>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (i >= p.rows * p.heads) {
        return;
    }
    let row = i / p.heads;
    let h = i % p.heads;
    let first = ptr[row];
    let end = ptr[row + 1u];
    var top = LOWEST;
    var sum = 0.0;
    if (first < end) {
        let start = row + first / p.chunk;
        let to = row + (end - 1u) / p.chunk + 1u;
        for (var s = start; s < to; s += 1u) {
            top = max(top, part[2u * (s * p.heads + h)]);
        }
        for (var s = start; s < to; s += 1u) {
            let at = 2u * (s * p.heads + h);
            // A piece in which nothing takes part has no maximum.
            if (part[at + 1u] > 0.0) {
                sum += part[at + 1u] * exp(part[at] - top);
            }
        }
    }
    stats[2u * i] = top;
    stats[2u * i + 1u] = sum;
}
