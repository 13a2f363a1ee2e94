// y[n,oh,ow,ci,ky,kx] = x[first + n, ci, (oh,ow) stride - padding + (ky,kx) dilation], 0 outside the picture: the patch
// that each output position of a convolution sees, a row each, in the order of the weight's columns. x [..,ci,h,w],
// y [n,oh,ow,ci,kh,kw]; the vectors of p hold x (along a row) and y (down the rows). One thread per element.
// Twin: conv/unfold.rs.
#import grid

struct P {
    kernel: vec2<u32>, stride: vec2<u32>, padding: vec2<u32>, dilation: vec2<u32>,
    first: u32, n: u32, ci: u32, h: u32, w: u32, oh: u32, ow: u32,
}

override WG: u32 = 64u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    let kx = i % p.kernel.x;
    let ky = (i / p.kernel.x) % p.kernel.y;
    let ci = (i / (p.kernel.x * p.kernel.y)) % p.ci;
    let position = i / (p.kernel.x * p.kernel.y * p.ci);
    let ow = position % p.ow;
    let oh = (position / p.ow) % p.oh;
    let n = position / (p.ow * p.oh);
    if (n >= p.n) {
        return;
    }
    // Places before the picture wrap to huge numbers and fail the same test.
    let ih = oh * p.stride.y + ky * p.dilation.y - p.padding.y;
    let iw = ow * p.stride.x + kx * p.dilation.x - p.padding.x;
    var v = 0.0;
    if (ih < p.h && iw < p.w) {
        v = x[(((p.first + n) * p.ci + ci) * p.h + ih) * p.w + iw];
    }
    y[i] = v;
}
