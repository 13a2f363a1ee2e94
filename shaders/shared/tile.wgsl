// The skeleton of products and convolutions for GPUs: a workgroup of WG invocations computes BM rows x BN columns of
// sums, from tiles of BK terms that it stages together in workgroup memory, [term][row / 4] and [term][column / 4].
// What the importing shader gives:
//   BM, BN, BK, WG    overrides; multiples of 4, an invocation stages at most two quads of each operand
//   along_k()         whether neighbouring invocations stage neighbouring terms of A and of B, or neighbouring rows
//   place(g)          what workgroup g computes, and what the functions below need to know of it
//   ready(col)        keeps what at_b needs to know of the columns that this invocation stages
//   at_a(row, s, k)   operands of rows row .. row + 4 at term k of sum s: anything past the last row, 0 past the last
//                     term
//   at_b(col, s, k)   the same of four columns
//   put4(row, col, v) takes four neighbouring sums of a row
//   done(g, lid)      ends what put4 has begun
// Overrides go before this import: naga 30 takes none after an array whose size depends on one.
// The guards are in the staging and in the store, none in the inner loop. What is staged next is loaded into registers
// before the tiles at hand are multiplied, so that the two overlap.

// Vec4s between the rows of neighbouring terms beyond what these hold. Without them, invocations that stage one row at
// neighbouring terms write to one bank of the memory.
override PAD: u32 = 1u;
// 1: two copies of the tiles, one read while the other is filled: a barrier for each tile instead of two.
override DOUBLE: u32 = 0u;

var<workgroup> tile_a: array<vec4<f32>, (1u + DOUBLE) * BK * (BM / 4u + PAD)>;
var<workgroup> tile_b: array<vec4<f32>, (1u + DOUBLE) * BK * (BN / 4u + PAD)>;

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

fn slot_a(q: u32, copy: u32) -> u32 {
    let spot = spot_a(q);
    return (copy * BK + spot.y) * (BM / 4u + PAD) + spot.x;
}

fn slot_b(q: u32, copy: u32) -> u32 {
    let spot = spot_b(q);
    return (copy * BK + spot.y) * (BN / 4u + PAD) + spot.x;
}

fn keep(l: Staged, lid: u32, copy: u32) {
    if (lid < BM * BK / 4u) { tile_a[slot_a(lid, copy)] = l.a0; }
    if (lid + WG < BM * BK / 4u) { tile_a[slot_a(lid + WG, copy)] = l.a1; }
    if (lid < BN * BK / 4u) { tile_b[slot_b(lid, copy)] = l.b0; }
    if (lid + WG < BN * BK / 4u) { tile_b[slot_b(lid + WG, copy)] = l.b1; }
}
