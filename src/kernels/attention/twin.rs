//! CPU twins of the `attention` family.

use std::ops::Range;

use super::rows::{Merge, Pieces, Shape, Slots, Soft, SoftMerge, Sums};
use crate::engine::TwinCall;

/// Row and edges of a slot; `ptr` is the CSR's, or the table of pieces if `split`.
fn piece(split: bool, ptr: &[u32], slot: usize) -> (usize, Range<usize>) {
    match split {
        true => (ptr[3 * slot] as usize, ptr[3 * slot + 1] as usize..ptr[3 * slot + 2] as usize),
        false => (slot, ptr[slot] as usize..ptr[slot + 1] as usize),
    }
}

/// Slots of the pieces of a row.
fn pieces_of(ptr: &[u32], row: usize, chunk: u32) -> Range<usize> {
    let (first, end) = (ptr[row], ptr[row + 1]);
    if first == end { 0..0 } else { row + (first / chunk) as usize..row + ((end - 1) / chunk) as usize + 1 }
}

fn leaky(v: f64, slope: f32) -> f64 {
    if v > 0.0 { v } else { f64::from(slope) * v }
}

/// Bindings ptr table; see `pieces.wgsl`.
pub fn pieces(call: &mut TwinCall) {
    let p: Pieces = call.params();
    let [ptr, table] = call.bufs();
    let (ptr, table) = (ptr.u(), table.u_mut());
    let mut row = 0;
    // A slot that gets no edge is an empty piece at the end of the row before the next one's first slot.
    for slot in 0..p.slots {
        while row + 1 < p.rows && row + 1 + ptr[row as usize + 1] / p.chunk <= slot {
            row += 1;
        }
        let end = ptr[row as usize + 1];
        table[3 * slot as usize..][..3].copy_from_slice(&[row, end, end]);
    }
    for row in 0..p.rows {
        for e in ptr[row as usize]..ptr[row as usize + 1] {
            let at = 3 * (row + e / p.chunk) as usize;
            table[at + 1] = table[at + 1].min(e);
            table[at + 2] = e + 1;
        }
    }
}

/// Bindings ptr part y; see `merge.wgsl`.
pub fn merge(call: &mut TwinCall) {
    let p: Merge = call.params();
    let [ptr, part, y] = call.bufs();
    let (ptr, part, cols) = (ptr.u(), part.f(), p.cols as usize);
    for (i, y) in y.f_mut().iter_mut().enumerate() {
        *y = pieces_of(ptr, i / cols, p.chunk).map(|s| part[s * cols + i % cols]).sum();
    }
}

/// Bindings z att s; see `scores.wgsl`.
pub fn scores(call: &mut TwinCall) {
    let p: Shape = call.params();
    let [z, att, s] = call.bufs();
    let (z, att, heads, width) = (z.f(), att.f(), p.heads as usize, p.width as usize);
    for (i, s) in s.f_mut().iter_mut().enumerate() {
        *s = (0..width).map(|f| z[i * width + f] * att[i % heads * width + f]).sum();
    }
}

/// Bindings ds_src att_src ds_dst att_dst dz; see `scores_bwd.wgsl`.
pub fn scores_bwd(call: &mut TwinCall) {
    let p: Shape = call.params();
    let [ds_src, att_src, ds_dst, att_dst, dz] = call.bufs();
    let (ds_src, att_src, ds_dst, att_dst) = (ds_src.f(), att_src.f(), ds_dst.f(), att_dst.f());
    for (i, dz) in dz.f_mut().iter_mut().enumerate() {
        let (nh, hf) = (i / p.width as usize, i % (p.heads * p.width) as usize);
        *dz += ds_src[nh] * att_src[hf] + ds_dst[nh] * att_dst[hf];
    }
}

/// Bindings z s out; see `scale.wgsl`.
pub fn scale(call: &mut TwinCall) {
    let p: Shape = call.params();
    let [z, s, out] = call.bufs();
    let (z, s) = (z.f(), s.f());
    for (i, out) in out.f_mut().iter_mut().enumerate() {
        *out = z[i] * s[i / p.width as usize];
    }
}

/// Bindings z y; see `mean.wgsl`.
pub fn mean(call: &mut TwinCall) {
    let p: Shape = call.params();
    let [z, y] = call.bufs();
    let (z, heads, width) = (z.f(), p.heads as usize, p.width as usize);
    for (i, y) in y.f_mut().iter_mut().enumerate() {
        let (n, f) = (i / width, i % width);
        *y = (0..heads).map(|h| z[(n * heads + h) * width + f]).sum::<f64>() / heads as f64;
    }
}

/// Bindings dy dz; see `mean_bwd.wgsl`.
pub fn mean_bwd(call: &mut TwinCall) {
    let p: Shape = call.params();
    let [dy, dz] = call.bufs();
    let (dy, heads, width) = (dy.f(), p.heads as usize, p.width as usize);
    for (i, dz) in dz.f_mut().iter_mut().enumerate() {
        *dz = dy[i / (heads * width) * width + i % width] / heads as f64;
    }
}

/// The lowest f32: the maximum over no edge.
const LOWEST: f64 = f32::MIN as f64;

/// Maximum and sum of exponentials over the edges that take part, given their scores.
fn normaliser(takes: &[f64], edges: Range<usize>, score: impl Fn(usize) -> f64) -> [f64; 2] {
    let part: Vec<f64> = edges.filter(|e| takes[*e] != 0.0).map(score).collect();
    let top = part.iter().copied().fold(LOWEST, f64::max);
    [top, part.iter().map(|v| (v - top).exp()).sum()]
}

/// Bindings ptr idx takes s_src s_dst stats alpha; see `softmax.wgsl`.
pub fn softmax(call: &mut TwinCall) {
    let p: Soft = call.params();
    let (split, heads) = (call.set("SPLIT") == 1, p.heads as usize);
    let [ptr, idx, takes, s_src, s_dst, stats, alpha] = call.bufs();
    let (idx, takes, s_src, s_dst) = (idx.u(), takes.f(), s_src.f(), s_dst.f());
    for i in 0..p.slots as usize * heads {
        let ((row, edges), h) = (piece(split, ptr.u(), i / heads), i % heads);
        let score = |e: usize| leaky(s_src[idx[e] as usize * heads + h] + s_dst[row * heads + h], p.slope);
        let [top, sum] = match split {
            true => [0, 1].map(|k| stats.f()[2 * (row * heads + h) + k]),
            false => normaliser(takes, edges.clone(), score),
        };
        for e in edges {
            alpha.f_mut()[e * heads + h] = if takes[e] != 0.0 { (score(e) - top).exp() / sum } else { 0.0 };
        }
    }
}

/// Bindings ptr idx takes s_src s_dst part; see `softmax_piece.wgsl`.
pub fn softmax_piece(call: &mut TwinCall) {
    let p: Soft = call.params();
    let (split, heads) = (call.set("SPLIT") == 1, p.heads as usize);
    let [ptr, idx, takes, s_src, s_dst, part] = call.bufs();
    let (idx, takes, s_src, s_dst) = (idx.u(), takes.f(), s_src.f(), s_dst.f());
    for (i, part) in part.f_mut().chunks_exact_mut(2).enumerate() {
        let ((row, edges), h) = (piece(split, ptr.u(), i / heads), i % heads);
        let score = |e: usize| leaky(s_src[idx[e] as usize * heads + h] + s_dst[row * heads + h], p.slope);
        part.copy_from_slice(&normaliser(takes, edges, score));
    }
}

/// Bindings ptr part stats; see `softmax_merge.wgsl`.
pub fn softmax_merge(call: &mut TwinCall) {
    let p: SoftMerge = call.params();
    let heads = p.heads as usize;
    let [ptr, part, stats] = call.bufs();
    let (ptr, part) = (ptr.u(), part.f());
    for (i, stats) in stats.f_mut().chunks_exact_mut(2).enumerate() {
        let at = |s: usize| 2 * (s * heads + i % heads);
        let slots = pieces_of(ptr, i / heads, p.chunk);
        let top = slots.clone().map(|s| part[at(s)]).fold(LOWEST, f64::max);
        let sum = slots.map(|s| part[at(s) + 1] * (part[at(s)] - top).exp()).sum();
        stats.copy_from_slice(&[top, sum]);
    }
}

/// Bindings ptr idx s_src s_dst alpha rowsum g y; see `softmax_bwd.wgsl`.
pub fn softmax_bwd(call: &mut TwinCall) {
    let p: Soft = call.params();
    let (split, heads) = (call.set("SPLIT") == 1, p.heads as usize);
    let [ptr, idx, s_src, s_dst, alpha, rowsum, g, y] = call.bufs();
    let (idx, s_src, s_dst, alpha, g) = (idx.u(), s_src.f(), s_dst.f(), alpha.f(), g.f_mut());
    for (i, y) in y.f_mut().iter_mut().enumerate() {
        let ((row, edges), h) = (piece(split, ptr.u(), i / heads), i % heads);
        let mean = match split {
            true => rowsum.f()[row * heads + h],
            false => edges.clone().map(|e| alpha[e * heads + h] * g[e * heads + h]).sum(),
        };
        *y = 0.0;
        for e in edges {
            let sum = s_src[idx[e] as usize * heads + h] + s_dst[row * heads + h];
            let slope = if sum > 0.0 { 1.0 } else { f64::from(p.slope) };
            let at = e * heads + h;
            g[at] = alpha[at] * (g[at] - mean) * slope;
            *y += g[at];
        }
    }
}

/// Binding places; see `places.wgsl`.
pub fn places(call: &mut TwinCall) {
    let [places] = call.bufs();
    places.u_mut().iter_mut().zip(0..).for_each(|(place, e)| *place = e);
}

/// Bindings ptr idx src dst y; see `spread.wgsl`.
pub fn spread(call: &mut TwinCall) {
    let p: Sums = call.params();
    let (split, heads) = (call.set("SPLIT") == 1, p.heads as usize);
    let [ptr, idx, src, dst, y] = call.bufs();
    let (idx, src, dst, y) = (idx.u(), src.f(), dst.f(), y.f_mut());
    for i in 0..p.slots as usize * heads {
        let ((row, edges), h) = (piece(split, ptr.u(), i / heads), i % heads);
        edges.for_each(|e| y[e * heads + h] = src[idx[e] as usize * heads + h] + dst[row * heads + h]);
    }
}

/// Bindings ptr idx s_src s_dst x; see `leak.wgsl`.
pub fn leak(call: &mut TwinCall) {
    let p: Soft = call.params();
    let (split, heads) = (call.set("SPLIT") == 1, p.heads as usize);
    let [ptr, idx, s_src, s_dst, x] = call.bufs();
    let (idx, s_src, s_dst, x) = (idx.u(), s_src.f(), s_dst.f(), x.f_mut());
    for i in 0..p.slots as usize * heads {
        let ((row, edges), h) = (piece(split, ptr.u(), i / heads), i % heads);
        let below = |e: &usize| s_src[idx[*e] as usize * heads + h] + s_dst[row * heads + h] <= 0.0;
        edges.filter(below).for_each(|e| x[e * heads + h] *= f64::from(p.slope));
    }
}

/// Bindings ptr alpha mean x y; see `centre.wgsl`.
pub fn centre(call: &mut TwinCall) {
    let p: Sums = call.params();
    let (split, heads) = (call.set("SPLIT") == 1, p.heads as usize);
    let [ptr, alpha, mean, x, y] = call.bufs();
    let (alpha, mean, x, y) = (alpha.f(), mean.f(), x.f(), y.f_mut());
    for i in 0..p.slots as usize * heads {
        let ((row, edges), h) = (piece(split, ptr.u(), i / heads), i % heads);
        edges.for_each(|e| y[e * heads + h] = alpha[e * heads + h] * (x[e * heads + h] - mean[row * heads + h]));
    }
}

/// Bindings ptr perm a b y; see `sums.wgsl`.
pub fn sums(call: &mut TwinCall) {
    let p: Sums = call.params();
    let [split, permuted, product] = ["SPLIT", "PERM", "PRODUCT"].map(|name| call.set(name) == 1);
    let heads = p.heads as usize;
    let [ptr, perm, a, b, y] = call.bufs();
    let (perm, a, b) = (perm.u(), a.f(), b.f());
    for (i, y) in y.f_mut().iter_mut().enumerate() {
        let places = piece(split, ptr.u(), i / heads).1.map(|k| if permuted { perm[k] as usize } else { k });
        *y = places.map(|e| e * heads + i % heads).map(|at| if product { a[at] * b[at] } else { a[at] }).sum();
    }
}

/// Bindings ptr idx perm alpha z y; see `attend.wgsl`.
pub fn attend(call: &mut TwinCall) {
    let p: Slots = call.params();
    let [split, permuted] = ["SPLIT", "PERM"].map(|name| call.set(name) == 1);
    let (heads, cols) = (p.heads as usize, (p.heads * p.width) as usize);
    let [ptr, idx, perm, alpha, z, y] = call.bufs();
    let (idx, perm, alpha, z) = (idx.u(), perm.u(), alpha.f(), z.f());
    for (i, y) in y.f_mut().iter_mut().enumerate() {
        let (c, h) = (i % cols, i % cols / p.width as usize);
        let term = |k: usize| {
            let e = if permuted { perm[k] as usize } else { k };
            alpha[e * heads + h] * z[idx[k] as usize * cols + c]
        };
        *y = piece(split, ptr.u(), i / cols).1.map(term).sum();
    }
}

/// Bindings ptr idx dy z dalpha; see `attend_bwd.wgsl`.
pub fn attend_bwd(call: &mut TwinCall) {
    let p: Slots = call.params();
    let (split, heads, width) = (call.set("SPLIT") == 1, p.heads as usize, p.width as usize);
    let [ptr, idx, dy, z, dalpha] = call.bufs();
    let (idx, dy, z, dalpha) = (idx.u(), dy.f(), z.f(), dalpha.f_mut());
    for i in 0..p.slots as usize * heads {
        let ((row, edges), h) = (piece(split, ptr.u(), i / heads), i % heads);
        let dy = &dy[(row * heads + h) * width..][..width];
        for e in edges {
            let z = &z[(idx[e] as usize * heads + h) * width..][..width];
            dalpha[e * heads + h] = dy.iter().zip(z).map(|(a, b)| a * b).sum();
        }
    }
}
