// y[n,co,oh,ow] = b[co] + sum_{ci,ky,kx} w[co,ci,ky,kx] x[n, g*CIG+ci, at], x zero outside the picture,
// at = (oh,ow) stride - padding + (ky,kx) dilation.
// x [n,ci,h,w], w [co,ci/groups,kh,kw] (PyTorch OIHW), y [n,co,oh,ow]. One thread per element of y.
// The readable reference; twin: conv/twin.rs conv2d. BIAS=0 leaves b out.
#import grid
#import conv_shape

override WG: u32 = 64u;
override BIAS: u32 = 1u;

@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> w: array<f32>;
@group(0) @binding(3) var<storage, read> b: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (i >= p.n * p.co * p.oh * p.ow) {
        return;
    }
    let ow = i % p.ow;
    let oh = (i / p.ow) % p.oh;
    let co = (i / (p.ow * p.oh)) % p.co;
    let n = i / (p.ow * p.oh * p.co);
    let cig = p.ci / p.groups;
    let first = (co / (p.co / p.groups)) * cig;
    var sum = 0.0;
    for (var ky = 0u; ky < p.kernel.y; ky += 1u) {
        // Rows above the picture wrap to huge numbers and fail the comparison too.
        let ih = oh * p.stride.y + ky * p.dilation.y - p.padding.y;
        for (var kx = 0u; kx < p.kernel.x; kx += 1u) {
            let iw = ow * p.stride.x + kx * p.dilation.x - p.padding.x;
            if (ih < p.h && iw < p.w) {
                for (var ci = 0u; ci < cig; ci += 1u) {
                    let weight = w[((co * cig + ci) * p.kernel.y + ky) * p.kernel.x + kx];
                    sum += weight * x[((n * p.ci + first + ci) * p.h + ih) * p.w + iw];
                }
            }
        }
    }
    if (BIAS == 1u) {
        sum += b[co];
    }
    y[i] = sum;
}
