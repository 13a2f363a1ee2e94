// y = (x - mean) rstd gamma[c] + beta[c] over x [n, c, p] with stats [n, groups, 2] = (mean, rstd).
// One thread: four neighbouring elements. WHOLE=1 where 4 divides p: they share channel and row, and the index is
// worked out once. Overrides: WG, WHOLE. Twin: norm/twin.rs apply.
#import grid

struct P { len: u32, c: u32, p: u32, per: u32 }

override WG: u32 = 64u;
override WHOLE: u32 = 0u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> gamma: array<f32>;
@group(0) @binding(3) var<storage, read> beta: array<f32>;
@group(0) @binding(4) var<storage, read> stats: array<f32>;
@group(0) @binding(5) var<storage, read_write> y: array<vec4<f32>>;

// (scale, shift) of one element: y = x scale + shift would cancel, so the mean stays apart.
struct Row { mean: f32, scale: f32, shift: f32 }

fn row_of(element: u32) -> Row {
    // Lanes past the end look at the last element and are stored into the padding.
    let plane = min(element, p.len - 1u) / p.p;
    let channel = plane % p.c;
    let at = 2u * (plane / p.per);
    return Row(stats[at], stats[at + 1u] * gamma[channel], beta[channel]);
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (4u * i >= p.len) {
        return;
    }
    let a = row_of(4u * i);
    if (WHOLE == 1u) {
        y[i] = (x[i] - a.mean) * a.scale + a.shift;
        return;
    }
    let b = row_of(4u * i + 1u);
    let c = row_of(4u * i + 2u);
    let d = row_of(4u * i + 3u);
    let mean = vec4<f32>(a.mean, b.mean, c.mean, d.mean);
    let scale = vec4<f32>(a.scale, b.scale, c.scale, d.scale);
    y[i] = (x[i] - mean) * scale + vec4<f32>(a.shift, b.shift, c.shift, d.shift);
}
