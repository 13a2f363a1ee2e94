// The same as max_bwd.wgsl where windows of 2 x 2 lie side by side and cover the plane (h = 2 oh, w = 2 ow): a thread
// writes the four inputs of one window as two vec2s. Twin: pool/twin.rs max_bwd.
#import grid
#import pool_shape

override WG: u32 = 64u;

@group(0) @binding(1) var<storage, read> dy: array<f32>;
@group(0) @binding(2) var<storage, read> arg: array<u32>;
@group(0) @binding(3) var<storage, read_write> dx: array<vec2<f32>>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    let row = i / p.ow;
    if (row >= p.planes * p.oh) {
        return;
    }
    let to = i + row * p.ow;
    let corner = 2u * (row % p.oh * p.w + i - row * p.ow);
    let at = vec2<u32>(arg[i]);
    let d = vec2<f32>(dy[i]);
    let upper = vec2<u32>(corner, corner + 1u);
    dx[to] = select(vec2<f32>(), d, at == upper);
    dx[to + p.ow] = select(vec2<f32>(), d, at == upper + p.w);
}
