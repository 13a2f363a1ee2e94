//! Graph attention (Veličković et al., "Graph attention networks", ICLR 2018; PyTorch Geometric's GATConv): the scores
//! of nodes, the softmax of leaky relu over each node's edges, the weighted sums, and all of it backward.
//!
//! z [nodes, heads, width] are the projected features. The score of an edge from j to i under head h is
//! leaky_relu(s_src\[j,h\] + s_dst\[i,h\]) with s_src\[n,h\] = z\[n,h,:\] · att_src\[h,:\], s_dst likewise (eq. 1 and
//! 3). An edge takes part if its entry of `takes` is not 0; the others get the weight 0, and a row in which none takes
//! part has only weights 0. Weights alpha [edges, heads] are in the order of the CSR by target. Dropout of the weights
//! is [`crate::kernels::map::dropout`] on alpha, and on dalpha backward.
//!
//! Rows that are too long for one thread are cut; see [`choose`] and [`Edges`]. Every sum has a fixed order.

mod cases;
mod edges;
mod heads;
mod places;
mod rows;
mod tangent;
#[cfg(test)]
mod tests;
mod twin;
mod within;

pub use cases::{any as random, cases};
pub use edges::{Edges, Split, choose};
pub use heads::{head_scores, head_scores_bwd, mean_heads, mean_heads_bwd, scale_heads};
pub use places::{aligned, positions, rotate};
pub use rows::*;
pub use within::{Sequences, Within, within, within_bwd};

use crate::engine::{Arguments, Buf, Recording};

/// One buffer for each end of an edge: scores or their gradients [nodes, heads], or attention vectors [heads, width].
#[derive(Clone, Copy, Debug)]
pub struct Ends {
    /// Scores of the nodes that messages come from, [nodes, heads].
    pub src: Buf<f32>,
    /// Scores of the nodes that they go to, [nodes, heads].
    pub dst: Buf<f32>,
}

/// The override `WIDE` of the kernels over [.., width].
fn wide(width: usize) -> u8 {
    u8::from(width.is_multiple_of(4))
}

/// Rows of a tensor of `len` elements that is [rows, cols], rounded down where that does not divide it.
fn rows_of(len: usize, cols: usize) -> usize {
    len.checked_div(cols).unwrap_or(0)
}

/// Adds to a record function's checks that `buf` is whole rows of these sizes.
fn whole_rows<'r>(checks: Arguments<'r>, name: &str, buf: Buf<f32>, row: &[usize]) -> Arguments<'r> {
    let rows = rows_of(buf.len, row.iter().product());
    checks.shape(name, buf, &[&[rows], row].concat())
}

/// Records alpha [edges, heads]: the softmax of the scores over the edges of each row that take part (eq. 3), 0 for the
/// others. `takes` \[edges\], s.src [sources, heads], s.dst [rows, heads].
pub fn edge_softmax(
    rec: &mut Recording,
    a: &Edges,
    takes: Buf<f32>,
    s: Ends,
    alpha: Buf<f32>,
    heads: usize,
    slope: f32,
) {
    let (edges, rows) = (a.count(), a.rows());
    let checks = a.by_target(rec.arguments("attention.edge_softmax")).shape("takes", takes, &[edges]);
    let checks = checks.shape("alpha", alpha, &[edges, heads]).shape("s.dst", s.dst, &[rows, heads]);
    if whole_rows(checks, "s.src", s.src, &[heads]).wrong() {
        return;
    }
    let p = Soft { slots: a.slots() as u32, heads: heads as u32, slope };
    let stats = softmax_stats(rec, a, takes, s, p);
    let (ptr, split) = a.walk();
    rec.dispatch(&SOFTMAX)
        .set("SPLIT", split)
        .params(p)
        .read(ptr)
        .read(a.idx)
        .read(takes)
        .read(s.src)
        .read(s.dst)
        .read(stats.unwrap_or(s.dst))
        .write(alpha)
        .work(20 * alpha.len as u64, 4 * (s.src.len + s.dst.len + 2 * edges + alpha.len) as u64)
        .turns(2 * a.most())
        .threads(a.slots() * heads);
}

/// Maximum and sum of exponentials of every row [rows, heads, 2], if rows are cut.
fn softmax_stats(rec: &mut Recording, a: &Edges, takes: Buf<f32>, s: Ends, p: Soft) -> Option<Buf<f32>> {
    let Split { table, chunk } = a.split?;
    let heads = p.heads as usize;
    let part: Buf<f32> = rec.temp("softmax of pieces", 2 * a.slots() * heads);
    rec.dispatch(&SOFTMAX_PIECE)
        .set("SPLIT", 1)
        .params(p)
        .read(table)
        .read(a.idx)
        .read(takes)
        .read(s.src)
        .read(s.dst)
        .write(part)
        .work(10 * (a.count() * heads) as u64, 4 * (s.src.len + s.dst.len + 2 * a.count() + part.len) as u64)
        .turns(a.most())
        .threads(a.slots() * heads);
    let stats: Buf<f32> = rec.temp("softmax of rows", 2 * a.rows() * heads);
    rec.dispatch(&SOFTMAX_MERGE)
        .params(SoftMerge { rows: a.rows() as u32, heads: heads as u32, chunk: chunk as u32 })
        .read(a.ptr)
        .read(part)
        .write(stats)
        .work(4 * part.len as u64, 4 * (part.len + stats.len) as u64)
        .turns(2 * a.pieces_of_a_row())
        .threads(a.rows() * heads);
    Some(stats)
}

/// Records the softmax and the leaky relu backward. `dalpha` [edges, heads] comes in as the gradient of alpha and goes
/// out as that of the edges' scores before the leaky relu: alpha (dalpha − Σ_row alpha dalpha), times the slope where
/// that score is not above 0. `ds.dst` [rows, heads] is its sum over the edges of each row, `ds.src` [sources, heads]
/// over those of each source, through the transpose `t`. Edges that take no part have alpha 0 and get 0.
#[expect(clippy::too_many_arguments, reason = "the formula has this many operands")]
pub fn edge_softmax_bwd(
    rec: &mut Recording,
    a: &Edges,
    t: &Edges,
    s: Ends,
    alpha: Buf<f32>,
    dalpha: Buf<f32>,
    ds: Ends,
    heads: usize,
    slope: f32,
) {
    let (edges, rows) = (a.count(), a.rows());
    let checks = t.transposed(a.by_target(rec.arguments("attention.edge_softmax_bwd")), edges);
    let checks = checks.shape("alpha", alpha, &[edges, heads]).shape("dalpha", dalpha, &[edges, heads]);
    let checks = checks.shape("s.dst", s.dst, &[rows, heads]).shape("ds.dst", ds.dst, &[rows, heads]);
    let checks = whole_rows(checks, "s.src", s.src, &[heads]);
    if checks.shape("ds.src", ds.src, &[t.rows(), heads]).wrong() {
        return;
    }
    let rowsum = a.split.map(|_| {
        let sum = rec.temp("alpha dalpha", a.rows() * heads);
        edge_sums(rec, a, alpha, Some(dalpha), sum, heads);
        sum
    });
    let part = a.sums(rec, ds.dst, heads);
    let (ptr, split) = a.walk();
    rec.dispatch(&SOFTMAX_BWD)
        .set("SPLIT", split)
        .params(Soft { slots: a.slots() as u32, heads: heads as u32, slope })
        .read(ptr)
        .read(a.idx)
        .read(s.src)
        .read(s.dst)
        .read(alpha)
        .read(rowsum.unwrap_or(s.dst))
        .update(dalpha)
        .write(part)
        .work(8 * alpha.len as u64, 4 * (s.src.len + 2 * s.dst.len + edges + 3 * alpha.len) as u64)
        .turns(2 * a.most())
        .threads(a.slots() * heads);
    a.merge(rec, part, ds.dst, heads);
    edge_sums(rec, t, dalpha, None, ds.src, heads);
}

/// Records `y[e,h] = src[idx[e],h] + dst[row,h]` for every edge e of each row: what both ends of an edge have. s.src
/// [sources, heads], s.dst [rows, heads], y [edges, heads].
pub fn spread(rec: &mut Recording, a: &Edges, s: Ends, y: Buf<f32>, heads: usize) {
    let checks = a.by_target(rec.arguments("attention.spread")).shape("s.dst", s.dst, &[a.rows(), heads]);
    if whole_rows(checks, "s.src", s.src, &[heads]).shape("y", y, &[a.count(), heads]).wrong() {
        return;
    }
    let (ptr, split) = a.walk();
    rec.dispatch(&tangent::SPREAD)
        .set("SPLIT", split)
        .params(Sums { slots: a.slots() as u32, heads: heads as u32 })
        .read(ptr)
        .read(a.idx)
        .read(s.src)
        .read(s.dst)
        .write(y)
        .work(y.len as u64, 4 * (s.src.len + s.dst.len + a.count() + y.len) as u64)
        .turns(a.most())
        .threads(a.slots() * heads);
}

/// Records `y[r,h] = Σ x[e,h]` over the edges of each row; x [edges, heads], y [rows, heads].
pub fn gather(rec: &mut Recording, a: &Edges, x: Buf<f32>, y: Buf<f32>, heads: usize) {
    let checks = a.fits(rec.arguments("attention.gather")).shape("x", x, &[a.count(), heads]);
    if checks.shape("y", y, &[a.rows(), heads]).wrong() {
        return;
    }
    edge_sums(rec, a, x, None, y, heads);
}

/// Records `y[r,h] = Σ x[e,h] (by[e,h])` over the edges of each row; x, by [edges, heads], y [rows, heads].
fn edge_sums(rec: &mut Recording, a: &Edges, x: Buf<f32>, by: Option<Buf<f32>>, y: Buf<f32>, heads: usize) {
    let part = a.sums(rec, y, heads);
    let (ptr, split) = a.walk();
    rec.dispatch(&SUMS)
        .set("SPLIT", split)
        .set("PERM", u8::from(a.perm.is_some()))
        .set("PRODUCT", u8::from(by.is_some()))
        .params(Sums { slots: a.slots() as u32, heads: heads as u32 })
        .read(ptr)
        .read(a.perm.unwrap_or(a.idx))
        .read(x)
        .read(by.unwrap_or(x))
        .write(part)
        .work(2 * x.len as u64, 4 * (x.len + a.count() + part.len) as u64)
        .turns(a.most())
        .threads(a.slots() * heads);
    a.merge(rec, part, y, heads);
}

/// Records `y[e,h] = alpha[e,h] (x[e,h] − mean[row,h])` for the edges of every row; alpha, x, y [edges, heads], mean
/// [rows, heads].
fn centre(rec: &mut Recording, a: &Edges, [alpha, mean, x]: [Buf<f32>; 3], y: Buf<f32>, heads: usize) {
    let (ptr, split) = a.walk();
    rec.dispatch(&tangent::CENTRE)
        .set("SPLIT", split)
        .params(Sums { slots: a.slots() as u32, heads: heads as u32 })
        .read(ptr)
        .read(alpha)
        .read(mean)
        .read(x)
        .write(y)
        .work(2 * y.len as u64, 4 * (3 * y.len + mean.len) as u64)
        .turns(a.most())
        .threads(a.slots() * heads);
}

/// Records `y[i,h,:] = Σ_e alpha[e,h] z[idx[e],h,:]` over the edges of row i (eq. 4); alpha [edges, heads],
/// z [sources, heads, width], y [rows, heads, width].
pub fn attend(rec: &mut Recording, a: &Edges, alpha: Buf<f32>, z: Buf<f32>, y: Buf<f32>, heads: usize, width: usize) {
    let checks = a.fits(rec.arguments("attention.attend")).shape("alpha", alpha, &[a.count(), heads]);
    let checks = whole_rows(checks, "z", z, &[heads, width]);
    if checks.shape("y", y, &[a.rows(), heads, width]).wrong() {
        return;
    }
    let cols = heads * width;
    let part = a.sums(rec, y, cols);
    let (ptr, split) = a.walk();
    rec.dispatch(&ATTEND)
        .set("SPLIT", split)
        .set("WIDE", wide(width))
        .set("PERM", u8::from(a.perm.is_some()))
        .params(Slots { slots: a.slots() as u32, heads: heads as u32, width: width as u32 })
        .read(ptr)
        .read(a.idx)
        .read(a.perm.unwrap_or(a.idx))
        .read(alpha)
        .read(z)
        .write(part)
        .work(2 * (alpha.len * width) as u64, 4 * (z.len + part.len + alpha.len + a.count()) as u64)
        .turns(if width.is_multiple_of(4) { a.most() } else { 4 * a.most() })
        .threads(part.len.div_ceil(4));
    a.merge(rec, part, y, cols);
}

/// Records `dz[j,h,:] = Σ_e alpha[e,h] dy[target,h,:]` over the edges that leave j; `t` is the transpose of
/// [`attend`]'s edges, dy [targets, heads, width], dz [sources, heads, width].
pub fn attend_bwd_z(
    rec: &mut Recording,
    t: &Edges,
    alpha: Buf<f32>,
    dy: Buf<f32>,
    dz: Buf<f32>,
    heads: usize,
    width: usize,
) {
    let checks = t.transposed(rec.arguments("attention.attend_bwd_z"), t.count());
    let checks = checks.shape("alpha", alpha, &[t.count(), heads]).shape("dz", dz, &[t.rows(), heads, width]);
    if whole_rows(checks, "dy", dy, &[heads, width]).wrong() {
        return;
    }
    attend(rec, t, alpha, dy, dz, heads, width);
}

/// Records `dalpha[e,h] = dy[i,h,:] · z[idx[e],h,:]` for every edge of every row i, whether it takes part or not;
/// dy [rows, heads, width], z [sources, heads, width], dalpha [edges, heads].
pub fn attend_bwd_alpha(
    rec: &mut Recording,
    a: &Edges,
    dy: Buf<f32>,
    z: Buf<f32>,
    dalpha: Buf<f32>,
    heads: usize,
    width: usize,
) {
    let checks = a.by_target(rec.arguments("attention.attend_bwd_alpha")).shape("dy", dy, &[a.rows(), heads, width]);
    let checks = whole_rows(checks, "z", z, &[heads, width]);
    if checks.shape("dalpha", dalpha, &[a.count(), heads]).wrong() {
        return;
    }
    let (ptr, split) = a.walk();
    let turns = if width.is_multiple_of(4) { width / 4 } else { width };
    rec.dispatch(&ATTEND_BWD)
        .set("SPLIT", split)
        .set("WIDE", wide(width))
        .params(Slots { slots: a.slots() as u32, heads: heads as u32, width: width as u32 })
        .read(ptr)
        .read(a.idx)
        .read(dy)
        .read(z)
        .write(dalpha)
        .work(2 * (dalpha.len * width) as u64, 4 * (dy.len + z.len + dalpha.len + a.count()) as u64)
        .turns(a.most() * (turns + 1))
        .threads(a.slots() * heads);
}
