// The same sum as conv2d_bwd_x.wgsl in the form of conv2d_broadcast.wgsl: 8 input channels x 4 positions per
// invocation, a channel's weight broadcast through the subgroup. One workgroup: 8 channels of one group x 4*WG
// positions of [n,h,w]. Needs subgroups of at least 8 lanes.
#import grid
#import conv_shape

override WG: u32 = 32u;
// 0 where both strides are 1: an integer division costs more than the taps it guards.
override STRIDED: u32 = 1u;

@group(0) @binding(1) var<storage, read> w: array<f32>;
@group(0) @binding(2) var<storage, read> dy: array<f32>;
@group(0) @binding(3) var<storage, read_write> dx: array<f32>;

fn store(channel: u32, end: u32, at: vec4<u32>, live: vec4<bool>, sum: vec4<f32>) {
    if (channel >= end) {
        return;
    }
    let to = at + channel * p.h * p.w;
    if (live.x) { dx[to.x] = sum.x; }
    if (live.y) { dx[to.y] = sum.y; }
    if (live.z) { dx[to.z] = sum.z; }
    if (live.w) { dx[to.w] = sum.w; }
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32,
        @builtin(subgroup_invocation_id) lane: u32) {
    let cig = p.ci / p.groups;
    let cog = p.co / p.groups;
    let tiles = (cig + 7u) / 8u;
    let g = group_index(wid, nwg);
    let group = (g / tiles) % p.groups;
    let ci0 = group * cig + (g % tiles) * 8u;
    let ci_end = (group + 1u) * cig;
    let plane = p.h * p.w;
    let total = p.n * plane;
    let pos = vec4<u32>(g / (tiles * p.groups) * 4u * WG + lid) + vec4<u32>(0u, WG, 2u * WG, 3u * WG);
    let live = pos < vec4<u32>(total);
    let q = min(pos, vec4<u32>(total - 1u));
    let n = q / plane;
    let r = q % plane;
    let ih = r / p.w + p.padding.y;
    let iw = r % p.w + p.padding.x;
    let base = (n * p.co + group * cog) * p.oh * p.ow;
    let taps = p.kernel.y * p.kernel.x;
    let row = group * cog * cig * taps + (min(ci0 + (lane & 7u), ci_end - 1u) - group * cig) * taps;
    var c0 = vec4<f32>(); var c1 = vec4<f32>(); var c2 = vec4<f32>(); var c3 = vec4<f32>();
    var c4 = vec4<f32>(); var c5 = vec4<f32>(); var c6 = vec4<f32>(); var c7 = vec4<f32>();
    for (var ky = 0u; ky < p.kernel.y; ky += 1u) {
        // Outputs before the first wrap to huge numbers and fail the comparison too.
        let ohs = ih - ky * p.dilation.y;
        var oh = ohs;
        if (STRIDED == 1u) {
            oh = ohs / p.stride.y;
        }
        let row_ok = (oh < vec4<u32>(p.oh)) & (oh * p.stride.y == ohs);
        for (var kx = 0u; kx < p.kernel.x; kx += 1u) {
            let ows = iw - kx * p.dilation.x;
            var ow = ows;
            if (STRIDED == 1u) {
                ow = ows / p.stride.x;
            }
            let inside = row_ok & (ow < vec4<u32>(p.ow)) & (ow * p.stride.x == ows);
            var yi = base + select(vec4<u32>(), oh * p.ow + ow, inside);
            var wi = row + ky * p.kernel.x + kx;
            for (var co = 0u; co < cog; co += 1u) {
                let weight = w[wi];
                let d = select(vec4<f32>(), vec4<f32>(dy[yi.x], dy[yi.y], dy[yi.z], dy[yi.w]), inside);
                c0 += subgroupBroadcast(weight, 0u) * d; c1 += subgroupBroadcast(weight, 1u) * d;
                c2 += subgroupBroadcast(weight, 2u) * d; c3 += subgroupBroadcast(weight, 3u) * d;
                c4 += subgroupBroadcast(weight, 4u) * d; c5 += subgroupBroadcast(weight, 5u) * d;
                c6 += subgroupBroadcast(weight, 6u) * d; c7 += subgroupBroadcast(weight, 7u) * d;
                wi += cig * taps;
                yi += p.oh * p.ow;
            }
        }
    }
    let at = n * p.ci * plane + r;
    store(ci0, ci_end, at, live, c0); store(ci0 + 1u, ci_end, at, live, c1);
    store(ci0 + 2u, ci_end, at, live, c2); store(ci0 + 3u, ci_end, at, live, c3);
    store(ci0 + 4u, ci_end, at, live, c4); store(ci0 + 5u, ci_end, at, live, c5);
    store(ci0 + 6u, ci_end, at, live, c6); store(ci0 + 7u, ci_end, at, live, c7);
}
