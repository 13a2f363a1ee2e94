// Where rows are in their sequences (see sequences.wgsl): places[row] = row - its sequence's first, 0xffffffff for a
// row of nobody. ptr [sequences+1], seg, places [rows]. One thread per row. Twin: attention/places/twin.rs positions.
#import grid
#import sequences

struct P { rows: u32, sequences: u32 }

override WG: u32 = 64u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read> ptr: array<u32>;
@group(0) @binding(2) var<storage, read> seg: array<u32>;
@group(0) @binding(3) var<storage, read_write> places: array<u32>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let row = group_index(wid, nwg) * WG + lid;
    if (row >= p.rows) {
        return;
    }
    let w = sequence(row);
    places[row] = select(0xffffffffu, row - w.x, w.x < w.y);
}
