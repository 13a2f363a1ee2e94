//! Batch normalisation (Ioffe and Szegedy 2015) over x [n, c, p]: statistics of a channel over records and positions.
//! They are handed on for every record, [n, c, 2], so that [`normalise`] and the gradients of scale and shift are those
//! of a group normalisation with a group for each channel; shapes here have `groups` = c.

mod cases;

pub(super) use cases::{cases, random};

use super::rows::{BATCH, BATCH_ROW, Means, RUNNING, Rows, Running, SPREAD, STATS, Shares, Spread};
use super::{LONGEST_LOOP, NormShape, apply, channel_sums, dx_from, fold, lanes};
use crate::engine::{Arguments, Buf, Recording};
use crate::kernels::Reduction;

/// Where a layer's running statistics are in its range of the state: means first, then from `spread` on variances, and
/// the number of batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Places {
    /// First variance.
    pub spread: usize,
    /// The count of batches.
    pub batches: usize,
}

/// Each channel has a group to itself, and one thread can join a channel's shares.
fn fits<'r>(checks: Arguments<'r>, shape: NormShape) -> Arguments<'r> {
    let NormShape { n, c, p, groups, .. } = shape;
    let shares = n * lanes(p);
    shape
        .fits(checks)
        .holds(groups == c, || format!("{groups} groups of {c} channels: a batch's statistics are a channel's"))
        .holds(2 * shares <= LONGEST_LOOP, || format!("one thread cannot join {shares} shares; use smaller batches"))
}

/// Records mean \[c\] and biased variance \[c\] of each channel of x [n, c, p] over records and positions.
pub fn moments(rec: &mut Recording, x: Buf<f32>, mean: Buf<f32>, variance: Buf<f32>, shape: NormShape) {
    let (c, channels) = (shape.c, [shape.c]);
    let checks = fits(rec.arguments("norm.moments"), shape).shape("x", x, &shape.dims());
    if checks.shape("mean", mean, &channels).shape("variance", variance, &channels).wrong() {
        return;
    }
    let lanes = lanes(shape.p);
    let threads = shape.rows() * lanes;
    let (n32, c32, len, lanes32) = (shape.n as u32, c as u32, shape.p as u32, lanes as u32);
    let part = rec.temp::<f32>("shares", 2 * threads);
    rec.dispatch(&STATS)
        .params(Rows { rows: shape.rows() as u32, len, lanes: lanes32, eps: shape.eps })
        .read(x)
        .write(part)
        .work(5 * x.len as u64, 4 * x.len as u64)
        .threads(threads);
    rec.dispatch(&BATCH)
        .params(Shares { n: n32, c: c32, len, lanes: lanes32 })
        .read(part)
        .write(mean)
        .write(variance)
        .work(6 * threads as u64, 4 * part.len as u64)
        .threads(c);
}

/// Records that running statistics follow a batch's: s = (1 − momentum) s + momentum b, b the batch's mean and unbiased
/// variance, as PyTorch's `BatchNorm2d` does it. `state` holds means, variances and the count at [`Places`].
pub fn follow(
    rec: &mut Recording,
    [mean, variance]: [Buf<f32>; 2],
    state: Buf<f32>,
    at: Places,
    shape: NormShape,
    momentum: f32,
) {
    let (c, count) = (shape.c, shape.n * shape.p);
    let checks = rec.arguments("norm.follow").shape("mean", mean, &[c]).shape("variance", variance, &[c]);
    let apart = at.spread >= c && at.batches >= at.spread + c;
    let checks = checks.holds(apart, || format!("running statistics of {c} channels overlap at {at:?}"));
    let checks = checks.holds(count > 1, || format!("{count} values of a channel have no variance"));
    if checks.at_least("state", state, &[at.batches + 1]).wrong() {
        return;
    }
    let unbiased = (count as f64 / (count - 1) as f64) as f32;
    let (spread, batches) = (at.spread as u32, at.batches as u32);
    rec.dispatch(&RUNNING)
        .params(Running { c: c as u32, spread, batches, momentum, unbiased })
        .read(mean)
        .read(variance)
        .update(state)
        .work(6 * c as u64, 24 * c as u64)
        .threads(c);
}

/// Records stats [n, c, 2] = (mean, 1 / sqrt(variance + eps)) for every record, from a channel's.
pub fn spread(rec: &mut Recording, [mean, variance]: [Buf<f32>; 2], stats: Buf<f32>, shape: NormShape) {
    let (c, rows) = (shape.c, shape.rows());
    let checks = fits(rec.arguments("norm.spread"), NormShape { n: shape.n.min(1), ..shape });
    let checks = checks.shape("mean", mean, &[c]).shape("variance", variance, &[c]);
    if checks.shape("stats", stats, &[shape.n, c, 2]).wrong() {
        return;
    }
    rec.dispatch(&SPREAD)
        .params(Spread { n: shape.n as u32, c: c as u32, eps: shape.eps })
        .read(mean)
        .read(variance)
        .write(stats)
        .work(3 * rows as u64, 8 * (rows + c) as u64)
        .threads(rows);
}

/// Records y = (x − mean) rstd gamma\[c\] + beta\[c\] with given stats [n, groups, 2] = (mean, rstd).
pub fn normalise(
    rec: &mut Recording,
    x: Buf<f32>,
    [gamma, beta]: [Buf<f32>; 2],
    stats: Buf<f32>,
    y: Buf<f32>,
    shape: NormShape,
) {
    let (dims, c) = (shape.dims(), [shape.c]);
    let checks = shape.fits(rec.arguments("norm.normalise")).shape("x", x, &dims).shape("y", y, &dims);
    let checks = checks.shape("stats", stats, &[shape.n, shape.groups, 2]);
    if checks.shape("gamma", gamma, &c).shape("beta", beta, &c).wrong() {
        return;
    }
    apply(rec, x, [gamma, beta], stats, y, shape);
}

/// Records dx = rstd gamma dy, the gradient of [`normalise`] in x where stats are constants.
pub fn normalise_bwd_x(rec: &mut Recording, [x, gamma, stats, dy]: [Buf<f32>; 4], dx: Buf<f32>, shape: NormShape) {
    let (dims, groups) = (shape.dims(), [shape.n, shape.groups, 2]);
    let checks = shape.fits(rec.arguments("norm.normalise_bwd_x")).shape("x", x, &dims).shape("dy", dy, &dims);
    let checks = checks.shape("stats", stats, &groups).shape("gamma", gamma, &[shape.c]).shape("dx", dx, &dims);
    if checks.wrong() {
        return;
    }
    let still = rec.temp::<f32>("means", shape.stats());
    rec.clear(still);
    dx_from(rec, still, [x, gamma, stats, dy], dx, shape);
}

/// Records the gradients of a batch that is normalised by its own statistics: sums over the batch in gamma and beta
/// \[c\] each and, where it is asked for, dx [n, c, p] = rstd (gamma dy − mean of gamma dy − x̂ mean of gamma dy x̂),
/// means over the batch.
pub fn batch_bwd(
    rec: &mut Recording,
    [x, gamma, stats, dy]: [Buf<f32>; 4],
    [dgamma, dbeta]: [Buf<f32>; 2],
    dx: Option<Buf<f32>>,
    shape: NormShape,
) {
    let (dims, c) = (shape.dims(), [shape.c]);
    let checks = fits(rec.arguments("norm.batch_bwd"), shape).shape("x", x, &dims).shape("dy", dy, &dims);
    let checks = checks.shape("stats", stats, &[shape.n, shape.c, 2]).shape("gamma", gamma, &c);
    let checks = checks.shape("dgamma", dgamma, &c).shape("dbeta", dbeta, &c).optional("dx", dx, &dims);
    if checks.wrong() {
        return;
    }
    let [scaled, plain] = channel_sums(rec, x, stats, dy, shape);
    fold(rec, scaled, dgamma, shape, Reduction::default());
    fold(rec, plain, dbeta, shape, Reduction::default());
    let Some(dx) = dx else { return };
    let means = rec.temp::<f32>("means", shape.stats());
    let share = (1.0 / (shape.n * shape.p).max(1) as f64) as f32;
    rec.dispatch(&BATCH_ROW)
        .params(Means { n: shape.n as u32, c: shape.c as u32, share })
        .read(gamma)
        .read(dgamma)
        .read(dbeta)
        .write(means)
        .work(4 * shape.rows() as u64, 8 * shape.rows() as u64)
        .threads(shape.rows());
    dx_from(rec, means, [x, gamma, stats, dy], dx, shape);
}
