// A linear workgroup index over a grid folded in x and y, because one dimension holds at most 65535 groups.
fn group_index(wid: vec3<u32>, nwg: vec3<u32>) -> u32 {
    return wid.y * nwg.x + wid.x;
}
