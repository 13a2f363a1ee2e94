// Squared norms of per-sample weight gradients without the gradients (the ghost norm: Goodfellow 2015, Bu et al. 2022):
// for the patches a_t and upstream gradients g_t of one sample and group, || sum_t g_t a_t^T ||^2 = sum_{t,s} <a_t,
// a_s> <g_t, g_s>. dw[n chunk_stride + group pairs + k] = the k-th pair's term, pairs t >= s in order, twice where t >
// s; chunk_stride = groups * pairs.
// One thread per pair, group and sample. Twin: conv/twin.rs norms.
#import grid
#import conv_shape

override WG: u32 = 64u;

@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> dw: array<f32>;

// The largest t with t (t + 1) / 2 <= k.
fn later(k: u32) -> u32 {
    var t = u32((sqrt(8.0 * f32(k) + 1.0) - 1.0) * 0.5);
    if (t * (t + 1u) / 2u > k) {
        t -= 1u;
    }
    if ((t + 1u) * (t + 2u) / 2u <= k) {
        t += 1u;
    }
    return t;
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    let n = i / p.chunk_stride;
    if (n >= p.n) {
        return;
    }
    let positions = p.oh * p.ow;
    let pairs = positions * (positions + 1u) / 2u;
    let group = i % p.chunk_stride / pairs;
    let k = i % p.chunk_stride % pairs;
    let t = later(k);
    let s = k - t * (t + 1u) / 2u;
    let cig = p.ci / p.groups;
    let cog = p.co / p.groups;
    let image = (n * p.ci + group * cig) * p.h * p.w;
    var patches = 0.0;
    for (var ky = 0u; ky < p.kernel.y; ky += 1u) {
        let yt = t / p.ow * p.stride.y + ky * p.dilation.y - p.padding.y;
        let ys = s / p.ow * p.stride.y + ky * p.dilation.y - p.padding.y;
        for (var kx = 0u; kx < p.kernel.x; kx += 1u) {
            let xt = t % p.ow * p.stride.x + kx * p.dilation.x - p.padding.x;
            let xs = s % p.ow * p.stride.x + kx * p.dilation.x - p.padding.x;
            if (yt < p.h && ys < p.h && xt < p.w && xs < p.w) {
                for (var c = 0u; c < cig; c += 1u) {
                    let plane = image + c * p.h * p.w;
                    patches += x[plane + yt * p.w + xt] * x[plane + ys * p.w + xs];
                }
            }
        }
    }
    var upstream = 0.0;
    for (var c = 0u; c < cog; c += 1u) {
        let plane = (n * p.co + group * cog + c) * positions;
        upstream += dy[plane + t] * dy[plane + s];
    }
    dw[i] = select(2.0, 1.0, t == s) * patches * upstream;
}
