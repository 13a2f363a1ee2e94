// expect: workgroup-init. A counter that nobody has set to zero, while its neighbour was.
struct P { n: u32 }
@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> x: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<u32>;
var<workgroup> even: atomic<u32>;
var<workgroup> odd: atomic<u32>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
    if (lid == 0u) {
        atomicStore(&even, 0u);
    }
    workgroupBarrier();
    let i = wid.x * 64u + lid;
    if (i < p.n) {
        atomicAdd(&even, 1u - (x[i] & 1u));
        atomicAdd(&odd, x[i] & 1u);
    }
    workgroupBarrier();
    if (lid == 0u && i < p.n) {
        y[2u * wid.x] = atomicLoad(&even);
        y[2u * wid.x + 1u] = atomicLoad(&odd);
    }
}
