// The rows of ragged sequences side by side: rows[b length + n] is the n-th row of sequence b, 0xffffffff where it has
// none. ptr [sequences+1], rows [sequences,length]. One thread per element. Twin: attention/places/twin.rs aligned.
#import grid

struct P { sequences: u32, length: u32 }

override WG: u32 = 64u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> ptr: array<u32>;
@group(0) @binding(2) var<storage, read_write> rows: array<u32>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let i = group_index(wid, nwg) * WG + lid;
    if (i >= p.sequences * p.length) {
        return;
    }
    let b = i / p.length;
    let row = ptr[b] + i % p.length;
    rows[i] = select(0xffffffffu, row, row < ptr[b + 1u]);
}
