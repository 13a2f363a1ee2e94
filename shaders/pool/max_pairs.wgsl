// The same as max.wgsl where windows of 2 x 2 lie side by side and cover the plane (h = 2 oh, w = 2 ow): a thread makes
// one output of two vec2s. Twin: pool/twin.rs max.
#import grid
#import pool_shape
#import bits

override WG: u32 = 64u;
override RELU: u32 = 0u;

@group(0) @binding(1) var<storage, read> x: array<vec2<f32>>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(0) @binding(3) var<storage, read_write> arg: array<u32>;

fn beats(v: f32, best: f32) -> bool {
    return is_nan(v) || (!is_nan(best) && v > best);
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    let row = i / p.ow;
    if (row >= p.planes * p.oh) {
        return;
    }
    // Two rows of x for one of y, through all planes.
    let above = i + row * p.ow;
    let upper = x[above];
    let lower = x[above + p.ow];
    let corner = 2u * (row % p.oh * p.w + i - row * p.ow);
    var best = upper.x;
    var at = corner;
    if (beats(upper.y, best)) {
        best = upper.y;
        at = corner + 1u;
    }
    if (beats(lower.x, best)) {
        best = lower.x;
        at = corner + p.w;
    }
    if (beats(lower.y, best)) {
        best = lower.y;
        at = corner + p.w + 1u;
    }
    if (RELU == 1u && best <= 0.0) {
        best = 0.0;
        at = 0xffffffffu;
    }
    y[i] = best;
    arg[i] = at;
}
