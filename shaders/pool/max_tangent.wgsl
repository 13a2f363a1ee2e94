// ry[plane, o] = r[plane, arg[plane, o]]: the derivative of a maximum is that of the winner, which max.wgsl wrote, and
// 0 where a relu left none. r [planes, inputs], arg and ry [planes, outputs]. One thread per element of ry. Twin:
// pool/twin.rs max_tangent.
#import grid

struct P { planes: u32, inputs: u32, outputs: u32 }

override WG: u32 = 64u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> r: array<f32>;
@group(0) @binding(2) var<storage, read> arg: array<u32>;
@group(0) @binding(3) var<storage, read_write> ry: array<f32>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (i >= p.planes * p.outputs) {
        return;
    }
    let at = arg[i];
    var out = 0.0;
    if (at < p.inputs) {
        out = r[i / p.outputs * p.inputs + at];
    }
    ry[i] = out;
}
