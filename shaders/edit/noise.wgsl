// theta += sqrt(v) z, z standard normal from Philox(counter = (element / 4, stream, step, 0), key = (seed_lo,
// seed_hi)). VARIANCE=1: v = source. VARIANCE=0: source is a Fisher diagonal and v = alpha min(1 / (source + eps),
// clamp): Fisher forgetting (Golatkar et al., CVPR 2020). theta, source [len]; seed [seed_lo, seed_hi, step, 0].
// One thread: four elements. Lanes past the end keep their content: a padding element has F = 0 and would get the
// largest noise of all. Overrides: WG, VARIANCE. Twin: edit/twin.rs noise.
#import grid
#import philox
#import normal

struct P { len: u32, alpha: f32, clamp_at: f32, eps: f32, stream: u32 }

override WG: u32 = 64u;
override VARIANCE: u32 = 0u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> source: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> seed: array<u32>;
@group(0) @binding(3) var<storage, read_write> theta: array<vec4<f32>>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (4u * i >= p.len) {
        return;
    }
    var v = source[i];
    if (VARIANCE == 0u) {
        v = p.alpha * min(1.0 / (v + p.eps), vec4<f32>(p.clamp_at));
    }
    let z = normal(philox(vec4<u32>(i, p.stream, seed[2], 0u), vec2<u32>(seed[0], seed[1])));
    let old = theta[i];
    let inside = vec4<u32>(4u * i) + vec4<u32>(0u, 1u, 2u, 3u) < vec4<u32>(p.len);
    theta[i] = select(old, old + sqrt(v) * z, inside);
}
