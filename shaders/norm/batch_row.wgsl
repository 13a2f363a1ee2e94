// The two means that the input gradient takes off where a batch is normalised by itself, for every record:
// m [n, c, 2] = gamma[c] / count (dbeta[c], dgamma[c]), the sums over records and positions.
// One thread: one (n, c). Twin: norm/twin.rs batch_row.
#import grid

struct P { n: u32, c: u32, share: f32 }

override WG: u32 = 64u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> gamma: array<f32>;
@group(0) @binding(2) var<storage, read> dgamma: array<f32>;
@group(0) @binding(3) var<storage, read> dbeta: array<f32>;
@group(0) @binding(4) var<storage, read_write> m: array<vec2<f32>>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (i >= p.n * p.c) {
        return;
    }
    let c = i % p.c;
    m[i] = p.share * gamma[c] * vec2<f32>(dbeta[c], dgamma[c]);
}
