// y[n stride + o inputs + i] = dy[n,o] x[n,i]: the weight gradient of each row of a dense layer. dy [n,outputs], x
// [n,inputs]. One thread per element; what lies between the rows' gradients stays. The readable reference; twin:
// linear/twin.rs outer.
#import grid

struct P { n: u32, outputs: u32, inputs: u32, stride: u32 }

override WG: u32 = 64u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    let size = p.outputs * p.inputs;
    let n = i / size;
    if (n >= p.n) {
        return;
    }
    let e = i % size;
    y[n * p.stride + e] = dy[n * p.outputs + e / p.inputs] * x[n * p.inputs + e % p.inputs];
}
