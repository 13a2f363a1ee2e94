// dx[n,ci,ih,iw] = sum over the outputs that saw this input of w[co,ci,ky,kx] dy[n,co,oh,ow]: gather form, no atomics.
// Shapes as in conv2d.wgsl. One thread per element of dx. The readable reference; twin: conv/twin.rs conv2d_bwd_x.
#import grid
#import conv_shape

override WG: u32 = 64u;

@group(0) @binding(1) var<storage, read> w: array<f32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (i >= p.n * p.ci * p.h * p.w) {
        return;
    }
    let iw = i % p.w;
    let ih = (i / p.w) % p.h;
    let ci = (i / (p.w * p.h)) % p.ci;
    let n = i / (p.w * p.h * p.ci);
    let cig = p.ci / p.groups;
    let cog = p.co / p.groups;
    let group = ci / cig;
    var sum = 0.0;
    for (var ky = 0u; ky < p.kernel.y; ky += 1u) {
        // Outputs above the first row wrap to huge numbers; their quotient is beyond p.oh.
        let ohs = ih + p.padding.y - ky * p.dilation.y;
        for (var kx = 0u; kx < p.kernel.x; kx += 1u) {
            let ows = iw + p.padding.x - kx * p.dilation.x;
            let oh = ohs / p.stride.y;
            let ow = ows / p.stride.x;
            if (ohs % p.stride.y == 0u && ows % p.stride.x == 0u && oh < p.oh && ow < p.ow) {
                for (var co = group * cog; co < (group + 1u) * cog; co += 1u) {
                    let weight = w[((co * cig + ci % cig) * p.kernel.y + ky) * p.kernel.x + kx];
                    sum += weight * dy[((n * p.co + co) * p.oh + oh) * p.ow + ow];
                }
            }
        }
    }
    dx[i] = sum;
}
