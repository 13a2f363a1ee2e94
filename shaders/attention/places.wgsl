// places[e] = e: edges whose scores are their own, see attention.rs. places [edges]. One thread per edge.
// Twin: attention/twin.rs places.
#import grid

struct P { edges: u32 }

override WG: u32 = 64u;

@group(0) @binding(0) var<uniform> p: P;
@group(0) @binding(1) var<storage, read_write> places: array<u32>;

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32) {
    let e = group_index(wid, nwg) * WG + lid;
    if (e < p.edges) {
        places[e] = e;
    }
}
