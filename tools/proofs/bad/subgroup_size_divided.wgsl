// expect: subgroup-size. One partial sum per subgroup, if a subgroup has 32 lanes.
struct P { n: u32 }
@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
var<workgroup> part: array<f32, 8>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(local_invocation_index) lid: u32) {
    let i = min(wid.x * 256u + lid, p.n - 1u);
    let sum = subgroupAdd(x[i]);
    part[lid / 32u] = sum;
    workgroupBarrier();
    if (lid == 0u && wid.x * 256u < p.n) {
        y[wid.x] = part[0] + part[1] + part[2] + part[3] + part[4] + part[5] + part[6] + part[7];
    }
}
