// The same sum as conv2d.wgsl for adapters where loads are dear and barriers dearer (CPU rasterisers, 8+ lanes): each
// invocation owns 8 output channels x 4 positions in registers; a channel's weight is loaded by one lane and broadcast
// through the subgroup, so one tap costs 1 + 4 loads for 32 multiply-adds. No shared memory, no barrier.
// One workgroup: 8 channels of one group x 4*WG positions of the flattened [n,oh,ow]. Needs subgroups of at least 8
// lanes.
#import grid
#import conv_shape

override WG: u32 = 32u;
override BIAS: u32 = 1u;

@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> w: array<f32>;
@group(0) @binding(3) var<storage, read> b: array<f32>;
@group(0) @binding(4) var<storage, read_write> y: array<f32>;

// Writes four positions of one channel; `at` is where each sample's channel 0 has that position.
fn store(channel: u32, end: u32, at: vec4<u32>, live: vec4<bool>, sum: vec4<f32>) {
    if (channel >= end) {
        return;
    }
    var out = sum;
    if (BIAS == 1u) {
        out += b[channel];
    }
    let to = at + channel * p.oh * p.ow;
    if (live.x) { y[to.x] = out.x; }
    if (live.y) { y[to.y] = out.y; }
    if (live.z) { y[to.z] = out.z; }
    if (live.w) { y[to.w] = out.w; }
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32,
        @builtin(subgroup_invocation_id) lane: u32) {
    let cig = p.ci / p.groups;
    let cog = p.co / p.groups;
    let tiles = (cog + 7u) / 8u;
    let g = group_index(wid, nwg);
    let group = (g / tiles) % p.groups;
    let co0 = group * cog + (g % tiles) * 8u;
    let co_end = (group + 1u) * cog;
    let plane = p.oh * p.ow;
    let total = p.n * plane;
    let pos = vec4<u32>(g / (tiles * p.groups) * 4u * WG + lid) + vec4<u32>(0u, WG, 2u * WG, 3u * WG);
    let live = pos < vec4<u32>(total);
    let q = min(pos, vec4<u32>(total - 1u));
    let n = q / plane;
    let r = q % plane;
    let ih0 = (r / p.ow) * p.stride.y - p.padding.y;
    let iw0 = (r % p.ow) * p.stride.x - p.padding.x;
    let base = (n * p.ci + group * cig) * p.h * p.w;
    let row = min(co0 + (lane & 7u), co_end - 1u) * cig * p.kernel.y * p.kernel.x;
    var c0 = vec4<f32>(); var c1 = vec4<f32>(); var c2 = vec4<f32>(); var c3 = vec4<f32>();
    var c4 = vec4<f32>(); var c5 = vec4<f32>(); var c6 = vec4<f32>(); var c7 = vec4<f32>();
    for (var ky = 0u; ky < p.kernel.y; ky += 1u) {
        let ih = ih0 + ky * p.dilation.y;
        for (var kx = 0u; kx < p.kernel.x; kx += 1u) {
            let iw = iw0 + kx * p.dilation.x;
            let inside = (ih < vec4<u32>(p.h)) & (iw < vec4<u32>(p.w));
            var xi = base + select(vec4<u32>(), ih * p.w + iw, inside);
            var wi = row + ky * p.kernel.x + kx;
            for (var ci = 0u; ci < cig; ci += 1u) {
                let weight = w[wi];
                let xs = select(vec4<f32>(), vec4<f32>(x[xi.x], x[xi.y], x[xi.z], x[xi.w]), inside);
                c0 += subgroupBroadcast(weight, 0u) * xs; c1 += subgroupBroadcast(weight, 1u) * xs;
                c2 += subgroupBroadcast(weight, 2u) * xs; c3 += subgroupBroadcast(weight, 3u) * xs;
                c4 += subgroupBroadcast(weight, 4u) * xs; c5 += subgroupBroadcast(weight, 5u) * xs;
                c6 += subgroupBroadcast(weight, 6u) * xs; c7 += subgroupBroadcast(weight, 7u) * xs;
                wi += p.kernel.y * p.kernel.x;
                xi += p.h * p.w;
            }
        }
    }
    let at = n * p.co * plane + r;
    store(co0, co_end, at, live, c0); store(co0 + 1u, co_end, at, live, c1);
    store(co0 + 2u, co_end, at, live, c2); store(co0 + 3u, co_end, at, live, c3);
    store(co0 + 4u, co_end, at, live, c4); store(co0 + 5u, co_end, at, live, c5);
    store(co0 + 6u, co_end, at, live, c6); store(co0 + 7u, co_end, at, live, c7);
}
