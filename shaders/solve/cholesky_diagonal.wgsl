// Cholesky factor of the block a[first..last, first..last], at most BLOCK wide, in the place of its lower triangle. A
// pivot that is not above 0 becomes 1, so that what follows stays finite, and status[0] takes its row + 1 unless it
// already holds one. a [n,n], status [1]. One workgroup, a lane per row. Twin: solve/twin.rs cholesky_diagonal.
struct P { n: u32, first: u32, last: u32 }

const BLOCK: u32 = 32u;
const PITCH: u32 = 33u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read_write> a: array<f32>;
@group(0) @binding(2) var<storage, read_write> status: array<u32>;

var<workgroup> tile: array<f32, 1056>;

@compute @workgroup_size(BLOCK)
fn main(@builtin(local_invocation_index) lid: u32) {
    let size = p.last - p.first;
    let at = (p.first + lid) * p.n + p.first;
    if (lid < size) {
        for (var j = 0u; j <= lid; j += 1u) {
            tile[lid * PITCH + j] = a[at + j];
        }
    }
    var bad = 0u;
    for (var k = 0u; k < size; k += 1u) {
        // Row k is done up to column k - 1; every lane computes the pivot for itself.
        workgroupBarrier();
        var d = tile[k * PITCH + k];
        var v = tile[lid * PITCH + k];
        for (var m = 0u; m < k; m += 1u) {
            let l = tile[k * PITCH + m];
            d -= l * l;
            v -= tile[lid * PITCH + m] * l;
        }
        let good = d > 0.0;
        bad = select(bad, p.first + k + 1u, !good && bad == 0u);
        let pivot = sqrt(select(1.0, d, good));
        workgroupBarrier();
        if (lid == k) {
            tile[lid * PITCH + k] = pivot;
        } else if (lid > k && lid < size) {
            tile[lid * PITCH + k] = v / pivot;
        }
    }
    workgroupBarrier();
    if (lid < size) {
        for (var j = 0u; j <= lid; j += 1u) {
            a[at + j] = tile[lid * PITCH + j];
        }
    }
    if (lid == 0u && bad != 0u && status[0] == 0u) {
        status[0] = bad;
    }
}
