// The derivative of what apply.wgsl wrote: ry = ((r - rmean) rstd + (x - mean) rrstd) gamma + (x - mean) rstd rgamma +
// rbeta, for r, rgamma, rbeta and rstats = (rmean, rrstd) the derivatives of x, gamma, beta and stats. x, r, ry [n, c,
// p]; gamma, rgamma, rbeta [c]; stats, rstats [n, groups, 2]. One thread: four neighbouring elements. WHOLE=1 where 4
// divides p: they share channel and row. Overrides: WG, WHOLE. Twin: norm/twin.rs apply_tangent.
#import grid

struct P { len: u32, c: u32, p: u32, per: u32 }

override WG: u32 = 64u;
override WHOLE: u32 = 0u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> gamma: array<f32>;
@group(0) @binding(3) var<storage, read> stats: array<f32>;
@group(0) @binding(4) var<storage, read> r: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> rgamma: array<f32>;
@group(0) @binding(6) var<storage, read> rbeta: array<f32>;
@group(0) @binding(7) var<storage, read> rstats: array<f32>;
@group(0) @binding(8) var<storage, read_write> ry: array<vec4<f32>>;

// ry = (x - mean) by_x + (r - rmean) by_r + shift.
struct Row { mean: f32, along: f32, by_x: f32, by_r: f32, shift: f32 }

fn row_of(element: u32) -> Row {
    // Lanes past the end look at the last element and are stored into the padding.
    let plane = min(element, p.len - 1u) / p.p;
    let c = plane % p.c;
    let at = 2u * (plane / p.per);
    let rstd = stats[at + 1u];
    let by_x = rstats[at + 1u] * gamma[c] + rstd * rgamma[c];
    return Row(stats[at], rstats[at], by_x, rstd * gamma[c], rbeta[c]);
}

fn one(w: Row, x: f32, r: f32) -> f32 {
    return (x - w.mean) * w.by_x + (r - w.along) * w.by_r + w.shift;
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (4u * i >= p.len) {
        return;
    }
    let v = x[i];
    let d = r[i];
    let w = row_of(4u * i);
    if (WHOLE == 1u) {
        ry[i] = (v - w.mean) * w.by_x + (d - w.along) * w.by_r + w.shift;
        return;
    }
    let b = one(row_of(4u * i + 1u), v.y, d.y);
    let c = one(row_of(4u * i + 2u), v.z, d.z);
    ry[i] = vec4<f32>(one(w, v.x, d.x), b, c, one(row_of(4u * i + 3u), v.w, d.w));
}
