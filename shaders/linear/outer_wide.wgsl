// The same as outer.wgsl where inputs and stride are multiples of 4: a thread makes 8 outputs x 4 inputs of one row
// from one vec4 of x and 8 of dy, and stores whole vec4s, so that the traffic is that of y. Twin: linear/twin.rs outer.
#import grid

struct P { n: u32, outputs: u32, inputs: u32, stride: u32 }

override WG: u32 = 64u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4<f32>>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    let quads = p.inputs >> 2u;
    let blocks = (p.outputs + 7u) >> 3u;
    let n = i / (quads * blocks);
    if (n >= p.n) {
        return;
    }
    let q = i % quads;
    let o = (i / quads) % blocks * 8u;
    let v = x[n * quads + q];
    let row = n * p.outputs + o;
    let to = n * (p.stride >> 2u) + o * quads + q;
    let left = p.outputs - o;
    // Eight ifs and no loop: the stores are what counts.
    y[to] = dy[row] * v;
    if (left > 1u) { y[to + quads] = dy[row + 1u] * v; }
    if (left > 2u) { y[to + 2u * quads] = dy[row + 2u] * v; }
    if (left > 3u) { y[to + 3u * quads] = dy[row + 3u] * v; }
    if (left > 4u) { y[to + 4u * quads] = dy[row + 4u] * v; }
    if (left > 5u) { y[to + 5u * quads] = dy[row + 5u] * v; }
    if (left > 6u) { y[to + 6u * quads] = dy[row + 6u] * v; }
    if (left > 7u) { y[to + 7u * quads] = dy[row + 7u] * v; }
}
