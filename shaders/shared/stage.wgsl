// How the skeletons of tile.wgsl and tile_coop.wgsl load operands: a workgroup of WG invocations takes BK terms of BM
// rows and BN columns at a time, an invocation at most two quads of each operand. What along_k, at_a and at_b are,
// tile.wgsl says.

struct Place {
    // The first row and column.
    row: u32, col: u32,
    // Terms of each sum, and how many sums come one after another.
    terms: u32, sums: u32,
}

// What an invocation has loaded for the next tiles.
struct Staged { a0: vec4<f32>, a1: vec4<f32>, b0: vec4<f32>, b1: vec4<f32> }

// Quad and term of the q-th quad of a tile.
fn spot_a(q: u32) -> vec2<u32> {
    if (along_k().x) {
        return vec2<u32>(q / BK, q % BK);
    }
    return vec2<u32>(q % (BM / 4u), q / (BM / 4u));
}

fn spot_b(q: u32) -> vec2<u32> {
    if (along_k().y) {
        return vec2<u32>(q / BK, q % BK);
    }
    return vec2<u32>(q % (BN / 4u), q / (BN / 4u));
}

fn take_a(at: Place, q: u32, s: u32, k: u32) -> vec4<f32> {
    let spot = spot_a(q);
    return at_a(at.row + 4u * spot.x, s, k + spot.y);
}

fn take_b(at: Place, q: u32, s: u32, k: u32) -> vec4<f32> {
    let spot = spot_b(q);
    return at_b(at.col + 4u * spot.x, s, k + spot.y);
}

// Loads this invocation's share of the tiles that begin at term k of sum s.
fn stage(at: Place, lid: u32, s: u32, k: u32) -> Staged {
    var l: Staged;
    if (lid < BM * BK / 4u) { l.a0 = take_a(at, lid, s, k); }
    if (lid + WG < BM * BK / 4u) { l.a1 = take_a(at, lid + WG, s, k); }
    if (lid < BN * BK / 4u) { l.b0 = take_b(at, lid, s, k); }
    if (lid + WG < BN * BK / 4u) { l.b1 = take_b(at, lid + WG, s, k); }
    return l;
}
