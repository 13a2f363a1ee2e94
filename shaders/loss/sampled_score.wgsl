// Per row b, with p = softmax(z): dz[c] = p[c] - [c = y] for a label y drawn from p, the gradient of -log p[y]. The
// draw is a pure function of (seed, ids[b], sample): y is the first class whose cumulated probability exceeds the
// uniform number. z, dz [rows,classes], ids [rows]. One thread per row. Twin: loss/sampled.rs.
#import grid
#import philox

struct P { rows: u32, classes: u32, seed_lo: u32, seed_hi: u32, sample: u32 }

// "labe": keeps these numbers apart from other uses of one seed.
const STREAM: u32 = 0x6c616265u;

override WG: u32 = 64u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> z: array<f32>;
@group(0) @binding(2) var<storage, read> ids: array<u32>;
@group(0) @binding(3) var<storage, read_write> dz: array<f32>;

#import row_max

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (i >= p.rows) {
        return;
    }
    let row = i * p.classes;
    let top = row_max(row);
    var sum = 0.0;
    for (var c = 0u; c < p.classes; c += 1u) {
        let e = exp(z[row + c] - top);
        dz[row + c] = e;
        sum += e;
    }
    let goal = sum * unit(philox(vec4<u32>(ids[i], STREAM, p.sample, 0u), vec2<u32>(p.seed_lo, p.seed_hi)).x);
    // Should rounding leave the goal at the sum, the last class that has any probability is drawn.
    var label = 0u;
    var below = 0.0;
    for (var c = 0u; c < p.classes; c += 1u) {
        let e = dz[row + c];
        label = select(label, c, below <= goal && e > 0.0);
        below += e;
    }
    // As in softmax_xent.wgsl: p - 1 is minus the sum of the other probabilities.
    var rest = 0.0;
    for (var c = 0u; c < p.classes; c += 1u) {
        let e = dz[row + c];
        rest += select(e, 0.0, c == label);
        dz[row + c] = e / sum;
    }
    dz[row + label] = -rest / sum;
}
