// y[n,oh,ow,ci,ky,kx] = x[first + n, ci, oh*sy-py+ky*dy, ow*sx-px+kx*dx], 0 outside the picture: the patch that each output position
// of a convolution sees, a row each, in the order of the weight's columns. x [..,ci,h,w], y [n,oh,ow,ci,kh,kw]. One thread per element.
// Twin: conv/unfold.rs.
#import grid

struct P {
    first: u32, n: u32, ci: u32, h: u32, w: u32, kh: u32, kw: u32, oh: u32, ow: u32,
    sy: u32, sx: u32, py: u32, px: u32, dy: u32, dx: u32,
}

override WG: u32 = 64u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    let kx = i % p.kw;
    let ky = (i / p.kw) % p.kh;
    let ci = (i / (p.kw * p.kh)) % p.ci;
    let position = i / (p.kw * p.kh * p.ci);
    let ow = position % p.ow;
    let oh = (position / p.ow) % p.oh;
    let n = position / (p.ow * p.oh);
    if (n >= p.n) {
        return;
    }
    // Places before the picture wrap to huge numbers and fail the same test.
    let ih = oh * p.sy + ky * p.dy - p.py;
    let iw = ow * p.sx + kx * p.dx - p.px;
    var v = 0.0;
    if (ih < p.h && iw < p.w) {
        v = x[(((p.first + n) * p.ci + ci) * p.h + ih) * p.w + iw];
    }
    y[i] = v;
}
