// dx = rstd (gamma[c] dy - m0 - xhat m1), xhat = (x - mean) rstd, with the row means m [n, groups, 2] of row.wgsl.
// Shapes: x, dy, dx [n, c, p]; stats [n, groups, 2] = (mean, rstd). One thread: four neighbouring elements; WHOLE=1
// where 4 divides p, so that they share channel and row. Overrides: WG, WHOLE. Twin: norm/twin.rs dx.
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
@group(0) @binding(6) var<storage, read_write> dx: array<vec4<f32>>;

struct Row { mean: f32, rstd: f32, gamma: f32, m0: f32, m1: f32 }

fn row_of(element: u32) -> Row {
    // Lanes past the end look at the last element and are stored into the padding.
    let plane = min(element, p.len - 1u) / p.p;
    let at = 2u * (plane / p.per);
    return Row(stats[at], stats[at + 1u], gamma[plane % p.c], m[at], m[at + 1u]);
}

fn one(r: Row, x: f32, dy: f32) -> f32 {
    return r.rstd * (r.gamma * dy - r.m0 - (x - r.mean) * r.rstd * r.m1);
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
    let r = row_of(4u * i);
    if (WHOLE == 1u) {
        dx[i] = r.rstd * (r.gamma * d - r.m0 - (v - r.mean) * r.rstd * r.m1);
        return;
    }
    let b = one(row_of(4u * i + 1u), v.y, d.y);
    let c = one(row_of(4u * i + 2u), v.z, d.z);
    dx[i] = vec4<f32>(one(r, v.x, d.x), b, c, one(row_of(4u * i + 3u), v.w, d.w));
}
