// y[i] = f(alpha * sum_s part[s,i] + bias[i mod n] + beta y[i]): what the slices of a long product's terms have summed,
// added in their order. part [slices, len], y [len], bias [n], f as in matmul.wgsl. One thread per element.
// Twin: linear/twin.rs sum_slices.
#import grid

struct P { len: u32, n: u32, slices: u32, alpha: f32, beta: f32 }

override WG: u32 = 64u;
override BIAS: u32 = 0u;
override RELU: u32 = 0u;
override MASK: u32 = 0u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> part: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (i >= p.len) {
        return;
    }
    var sum = 0.0;
    for (var s = 0u; s < p.slices; s += 1u) {
        sum += part[s * p.len + i];
    }
    var out = p.alpha * sum;
    if (BIAS == 1u) {
        out += bias[i % p.n];
    }
    if (p.beta != 0.0) {
        out += p.beta * y[i];
    }
    if (RELU == 1u) {
        out = max(out, 0.0);
    }
    if (MASK == 1u) {
        out = select(0.0, out, bias[i] > 0.0);
    }
    y[i] = out;
}
