// The skeleton of tile.wgsl on matrix units: f16 operands, f32 sums. BM = BN = 4 T rows and columns and BK = T terms at
// a time; a subgroup computes a block of 2 x 2 tiles, T x T each, and where there are fewer subgroups than the four
// blocks, one after another. What the importing shader gives beside place, ready, at_a, at_b, put4 and done:
//   MatA, MatB, MatC  T x T matrices of f16 and of f32, and their side T
//   PARTS             1: operands are rounded to f16 (mixed)
//                     2: they are sums of two f16 numbers, x = high + low / 2^11, and a product is three (split):
//                        high high + (high low + low high) / 2^11, the second sum kept apart to the end
// Both scale what they round (halves.wgsl), so that f16's range is no limit. A matrix unit adds T terms; these sums are
// added up outside of it, because units may cut off what they add instead of rounding it (Ootomo & Yokota 2022, 3.3).
// Matrices stand in variables of their own: naga 30 writes no arrays of them.
#import grid
#import halves

const BM: u32 = 4u * T;
const BN: u32 = 4u * T;
const BK: u32 = T;

#import stage

// Numbers from a term to the next: sixteen bytes more than the tile has, which spreads terms over the banks and leaves
// each where a matrix may be loaded from.
const ROW: u32 = 4u * T + 8u;
const BLOCKS: u32 = 4u;
const TILE: u32 = T * T;

// [part][term][row] and [part][term][column].
var<workgroup> tile_a: array<f16, PARTS * BK * ROW>;
var<workgroup> tile_b: array<f16, PARTS * BK * ROW>;
// One tile of each block on its way out, [part][block], and one of subgroups without a block.
var<workgroup> sums: array<f32, PARTS * (BLOCKS + 1u) * TILE>;
// Bits of the largest magnitudes of A and of B, of this step and of the next.
var<workgroup> most: array<atomic<u32>, 4>;

fn write_a(i: u32, v: vec4<f32>) {
    tile_a[i] = f16(v.x); tile_a[i + 1u] = f16(v.y); tile_a[i + 2u] = f16(v.z); tile_a[i + 3u] = f16(v.w);
}

fn write_b(i: u32, v: vec4<f32>) {
    tile_b[i] = f16(v.x); tile_b[i + 1u] = f16(v.y); tile_b[i + 2u] = f16(v.z); tile_b[i + 3u] = f16(v.w);
}

fn keep_a(q: u32, quad: vec4<f32>, scale: f32) {
    let spot = spot_a(q);
    let i = spot.y * ROW + 4u * spot.x;
    let v = quad * scale;
    let high = halved(v);
    write_a(i, high);
    if (PARTS == 2u) { write_a(BK * ROW + i, remainder(v, high)); }
}

fn keep_b(q: u32, quad: vec4<f32>, scale: f32) {
    let spot = spot_b(q);
    let i = spot.y * ROW + 4u * spot.x;
    let v = quad * scale;
    let high = halved(v);
    write_b(i, high);
    if (PARTS == 2u) { write_b(BK * ROW + i, remainder(v, high)); }
}

// Scales, rounds and keeps what this invocation has staged for a step; returns what the step's sums are scaled by.
fn settle(l: Staged, lid: u32, step: u32) -> f32 {
    let now = 2u * (step & 1u);
    atomicMax(&most[now], max(largest(l.a0), largest(l.a1)));
    atomicMax(&most[now + 1u], max(largest(l.b0), largest(l.b1)));
    // Also: every subgroup has multiplied what the tiles held.
    workgroupBarrier();
    let scale = scales(atomicLoad(&most[now]), atomicLoad(&most[now + 1u]));
    // Nobody has looked at the other pair since the last step, nor does before the barrier below.
    if (lid < 2u) { atomicStore(&most[2u - now + lid], 0u); }
    if (lid < BM * BK / 4u) { keep_a(lid, l.a0, scale.x); }
    if (lid + WG < BM * BK / 4u) { keep_a(lid + WG, l.a1, scale.x); }
    if (lid < BN * BK / 4u) { keep_b(lid, l.b0, scale.y); }
    if (lid + WG < BN * BK / 4u) { keep_b(lid + WG, l.b1, scale.y); }
    workgroupBarrier();
    return scale.z;
}

// Puts tile (i, j) of the blocks from `first` on, which so many subgroups have stored.
fn give(at: Place, lid: u32, first: u32, subgroups: u32, i: u32, j: u32) {
    workgroupBarrier();
    for (var q = lid; q < min(subgroups, BLOCKS - first) * TILE / 4u; q += WG) {
        let block = first + 4u * q / TILE;
        let row = 4u * q % TILE / T;
        let col = 4u * q % T;
        var v = vec4<f32>(sums[4u * q], sums[4u * q + 1u], sums[4u * q + 2u], sums[4u * q + 3u]);
        if (PARTS == 2u) {
            let small = (BLOCKS + 1u) * TILE + 4u * q;
            let low = vec4<f32>(sums[small], sums[small + 1u], sums[small + 2u], sums[small + 3u]);
            // An infinite sum stays what it is: its remainder may be 0 times infinity.
            let finite = (bitcast<vec4<u32>>(v) & vec4<u32>(0x7f800000u)) != vec4<u32>(0x7f800000u);
            v += select(vec4<f32>(0.0), low / 2048.0, finite);
        }
        put4(at.row + (block / 2u * 2u + i) * T + row, at.col + (block % 2u * 2u + j) * T + col, v);
    }
    workgroupBarrier();
}

@compute @workgroup_size(WG)
fn main(@builtin(workgroup_id) wid: vec3<u32>, @builtin(num_workgroups) nwg: vec3<u32>,
        @builtin(local_invocation_index) lid: u32, @builtin(subgroup_id) subgroup: u32,
        @builtin(num_subgroups) subgroups: u32) {
    let g = group_index(wid, nwg);
    let at = place(g);
    ready(at.col + 4u * spot_b(lid).x);
    let steps = (at.terms + BK - 1u) / BK;
    for (var first = 0u; first < BLOCKS; first += subgroups) {
        let block = min(first + subgroup, BLOCKS - 1u);
        let slot = min(subgroup, BLOCKS) * TILE;
        let from_a = block / 2u * 2u * T;
        let from_b = block % 2u * 2u * T;
        let zero = MatC();
        var c00 = MatC(); var c01 = MatC(); var c10 = MatC(); var c11 = MatC();
        var d00 = MatC(); var d01 = MatC(); var d10 = MatC(); var d11 = MatC();
        if (lid < 4u) { atomicStore(&most[lid], 0u); }
        workgroupBarrier();
        var next = stage(at, lid, 0u, 0u);
        for (var step = 0u; step < steps; step += 1u) {
            let scale = settle(next, lid, step);
            next = stage(at, lid, 0u, (step + 1u) * BK);
            let a0 = coopLoad<MatA>(&tile_a[from_a], ROW);
            let a1 = coopLoad<MatA>(&tile_a[from_a + T], ROW);
            let b0 = coopLoadT<MatB>(&tile_b[from_b], ROW);
            let b1 = coopLoadT<MatB>(&tile_b[from_b + T], ROW);
            c00 = c00 + coopMultiplyAdd(a0, b0, zero) * scale;
            c01 = c01 + coopMultiplyAdd(a0, b1, zero) * scale;
            c10 = c10 + coopMultiplyAdd(a1, b0, zero) * scale;
            c11 = c11 + coopMultiplyAdd(a1, b1, zero) * scale;
            if (PARTS == 2u) {
                let e0 = coopLoad<MatA>(&tile_a[BK * ROW + from_a], ROW);
                let e1 = coopLoad<MatA>(&tile_a[BK * ROW + from_a + T], ROW);
                let f0 = coopLoadT<MatB>(&tile_b[BK * ROW + from_b], ROW);
                let f1 = coopLoadT<MatB>(&tile_b[BK * ROW + from_b + T], ROW);
                d00 = d00 + coopMultiplyAdd(a0, f0, coopMultiplyAdd(e0, b0, zero)) * scale;
                d01 = d01 + coopMultiplyAdd(a0, f1, coopMultiplyAdd(e0, b1, zero)) * scale;
                d10 = d10 + coopMultiplyAdd(a1, f0, coopMultiplyAdd(e1, b0, zero)) * scale;
                d11 = d11 + coopMultiplyAdd(a1, f1, coopMultiplyAdd(e1, b1, zero)) * scale;
            }
        }
        // The four tiles of a block go out one after another, by one place that puts: drivers compile each for long.
        for (var tile = 0u; tile < 4u; tile += 1u) {
            coopStoreT(c00, &sums[slot], T);
            if (PARTS == 2u) { coopStoreT(d00, &sums[(BLOCKS + 1u) * TILE + slot], T); }
            give(at, lid, first, subgroups, tile / 2u, tile % 2u);
            c00 = c01; c01 = c10; c10 = c11;
            d00 = d01; d01 = d10; d10 = d11;
        }
    }
    done(g, lid);
}
