// What x and stats themselves add to the derivative of what dx.wgsl wrote:
// out += rrstd (gamma[c] dy - m0 - 2 xhat m1) - (r - rmean) rstd^2 m1, xhat = (x - mean) rstd, for r and rstats =
// (rmean, rrstd) the derivatives of x and stats. x, dy, r, out [n, c, p]; gamma [c]; stats, m, rstats [n, groups, 2].
// One thread:
// four neighbouring elements; WHOLE=1 where 4 divides p. Overrides: WG, WHOLE. Twin: norm/twin.rs dx_tangent.
#import grid

struct P { len: u32, c: u32, p: u32, per: u32 }

override WG: u32 = 64u;
override WHOLE: u32 = 0u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> gamma: array<f32>;
@group(0) @binding(3) var<storage, read> stats: array<f32>;
@group(0) @binding(4) var<storage, read> m: array<f32>;
@group(0) @binding(5) var<storage, read> dy: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read> r: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read> rstats: array<f32>;
@group(0) @binding(8) var<storage, read_write> out: array<vec4<f32>>;

// out += by_dy dy + by_x (x - mean) + by_r (r - rmean) + shift.
struct Row { mean: f32, along: f32, by_dy: f32, by_x: f32, by_r: f32, shift: f32 }

fn row_of(element: u32) -> Row {
    // Lanes past the end look at the last element and are stored into the padding.
    let plane = min(element, p.len - 1u) / p.p;
    let at = 2u * (plane / p.per);
    let rstd = stats[at + 1u];
    let bend = rstats[at + 1u];
    let m1 = m[at + 1u];
    return Row(stats[at], rstats[at], bend * gamma[plane % p.c], -2.0 * bend * rstd * m1, -rstd * rstd * m1,
            -bend * m[at]);
}

fn one(w: Row, x: f32, dy: f32, r: f32) -> f32 {
    return w.by_dy * dy + w.by_x * (x - w.mean) + w.by_r * (r - w.along) + w.shift;
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (4u * i >= p.len) {
        return;
    }
    let v = x[i];
    let d = dy[i];
    let k = r[i];
    let w = row_of(4u * i);
    if (WHOLE == 1u) {
        out[i] += w.by_dy * d + w.by_x * (v - w.mean) + w.by_r * (k - w.along) + w.shift;
        return;
    }
    let b = one(row_of(4u * i + 1u), v.y, d.y, k.y);
    let c = one(row_of(4u * i + 2u), v.z, d.z, k.z);
    out[i] += vec4<f32>(one(w, v.x, d.x, k.x), b, c, one(row_of(4u * i + 3u), v.w, d.w, k.w));
}
