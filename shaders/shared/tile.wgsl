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

#import stage

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
