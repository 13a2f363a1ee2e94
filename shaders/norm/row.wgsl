// The two means that the input gradient needs, per row (n, group) of len = per p elements: m[row] = (sum_c gamma[c]
// dbeta[n,c] / len, sum_c gamma[c] dgamma[n,c] / len), channels of the group in order; CENTRED=0: the first is 0.
// Shapes: dgamma, dbeta [n, c] per sample (channel.wgsl); m [rows, 2]. One thread: one row. Twin: norm/twin.rs row.
#import grid

struct P { rows: u32, groups: u32, per: u32, p: u32 }

override WG: u32 = 64u;
override CENTRED: u32 = 1u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> gamma: array<f32>;
@group(0) @binding(2) var<storage, read> dgamma: array<f32>;
@group(0) @binding(3) var<storage, read> dbeta: array<f32>;
@group(0) @binding(4) var<storage, read_write> m: array<f32>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let row = group_index(wid, nwg) * WG + lid;
    if (row >= p.rows) {
        return;
    }
    let first = (row % p.groups) * p.per;
    var plain = 0.0;
    var scaled = 0.0;
    for (var c = 0u; c < p.per; c += 1u) {
        let g = gamma[first + c];
        plain += g * dbeta[row * p.per + c];
        scaled += g * dgamma[row * p.per + c];
    }
    let len = f32(p.per * p.p);
    m[2u * row] = select(0.0, plain / len, CENTRED == 1u);
    m[2u * row + 1u] = scaled / len;
}
