//! Group normalisation (Wu and He 2018) over x [n, c, p] and its gradients; layer normalisation over the last
//! dimension is the same with one group and p = 1 (c = features), instance normalisation with c groups.

mod batch;
mod cases;
mod rows;
mod shape;
mod tangent;
#[cfg(test)]
mod tests;
mod twin;

pub use batch::{Places, batch_bwd, follow, moments, normalise, normalise_bwd_x, spread};
pub use cases::{asked, cases, random};
pub use rows::*;
pub use shape::NormShape;

use crate::engine::{Arguments, Buf, Recording};
use crate::kernels::{Reduction, ReductionMode, reduce};

/// Threads that share one row: enough for a GPU where rows are few and long, one where they are short, and never so few
/// that a thread's two loops together pass [`LONGEST_LOOP`]. A function of the shape alone, so that every adapter adds
/// in the same order.
fn lanes(len: usize) -> usize {
    if len < 256 { 1 } else { (len / 64).min(64).max(2 * len.div_ceil(LONGEST_LOOP)) }
}

/// Mesa's llvmpipe leaves all loops of an invocation, without a word, after 65 535 iterations together.
const LONGEST_LOOP: usize = 65_000;

/// Records y = (x − mean) rstd gamma\[c\] + beta\[c\] and stats [n, groups, 2] = (mean, rstd), as PyTorch's
/// `group_norm`:
/// mean and biased variance of each (sample, group), two passes. x, y [n, c, p]; gamma, beta \[c\].
pub fn group(
    rec: &mut Recording,
    x: Buf<f32>,
    gamma: Buf<f32>,
    beta: Buf<f32>,
    y: Buf<f32>,
    stats: Buf<f32>,
    shape: NormShape,
) {
    let (dims, c) = (shape.dims(), [shape.c]);
    let checks = shape.fits(rec.arguments("norm.group")).shape("x", x, &dims).shape("y", y, &dims);
    let checks = checks.shape("stats", stats, &[shape.n, shape.groups, 2]);
    if checks.shape("gamma", gamma, &c).shape("beta", beta, &c).wrong() {
        return;
    }
    statistics(rec, x, stats, shape);
    apply(rec, x, [gamma, beta], stats, y, shape);
}

/// Records y = x rstd gamma\[c\] and stats [n, groups, 2] = (0, rstd), rstd = 1 / sqrt(mean of x² + eps), as PyTorch's
/// `rms_norm` (Zhang & Sennrich, "Root mean square layer normalization", 2019, eq. 4): [`group`] of a shape that is not
/// `centred`. x, y [n, c, p]; gamma \[c\].
pub fn rms(rec: &mut Recording, x: Buf<f32>, gamma: Buf<f32>, y: Buf<f32>, stats: Buf<f32>, shape: NormShape) {
    let dims = shape.dims();
    let checks = shape.fits(rec.arguments("norm.rms")).shape("x", x, &dims).shape("y", y, &dims);
    let checks = checks.holds(!shape.centred, || "a shape whose mean is taken off".to_owned());
    if checks.shape("stats", stats, &[shape.n, shape.groups, 2]).shape("gamma", gamma, &[shape.c]).wrong() {
        return;
    }
    let beta = rec.temp("no shift", shape.c);
    rec.clear(beta);
    statistics(rec, x, stats, shape);
    apply(rec, x, [gamma, beta], stats, y, shape);
}

/// Mean and spread of every row.
fn statistics(rec: &mut Recording, x: Buf<f32>, stats: Buf<f32>, shape: NormShape) {
    let len = shape.per() * shape.p;
    let centred = u8::from(shape.centred);
    let lanes = lanes(len);
    let params = Rows { rows: shape.rows() as u32, len: len as u32, lanes: lanes as u32, eps: shape.eps };
    let (threads, work) = (shape.rows() * lanes, 5 * shape.elements() as u64);
    if lanes == 1 {
        let pass = rec.dispatch(&STATS).set("FINAL", 1u32).set("CENTRED", centred).params(params);
        pass.read(x).write(stats).work(work, 4 * x.len as u64).threads(threads);
    } else {
        let part = rec.temp::<f32>("shares", 2 * threads);
        let pass = rec.dispatch(&STATS).set("CENTRED", centred).params(params);
        pass.read(x).write(part).work(work, 4 * x.len as u64).threads(threads);
        let pass = rec.dispatch(&MERGE).params(params);
        pass.read(part).write(stats).work(6 * threads as u64, 4 * part.len as u64).threads(shape.rows());
    }
}

/// Records dx [n, c, p], the gradient of [`group`] in x, from dy and the stats of the forward pass.
pub fn group_bwd_x(
    rec: &mut Recording,
    x: Buf<f32>,
    gamma: Buf<f32>,
    stats: Buf<f32>,
    dy: Buf<f32>,
    dx: Buf<f32>,
    shape: NormShape,
) {
    let checks = backward(rec.arguments("norm.group_bwd_x"), [x, stats, dy], shape);
    if checks.shape("gamma", gamma, &[shape.c]).shape("dx", dx, &shape.dims()).wrong() {
        return;
    }
    let parts = channel_sums(rec, x, stats, dy, shape);
    input_gradient(rec, parts, [x, gamma, stats, dy], dx, shape);
}

/// Records the gradients of [`group`] in gamma and beta, from dy and the stats of the forward pass. The two outputs may
/// be ranges of one buffer: they are written by separate dispatches, so per-sample ranges may interleave.
#[expect(clippy::too_many_arguments, reason = "the formula has this many operands")]
pub fn group_bwd_affine(
    rec: &mut Recording,
    x: Buf<f32>,
    stats: Buf<f32>,
    dy: Buf<f32>,
    dgamma: Buf<f32>,
    dbeta: Buf<f32>,
    shape: NormShape,
    sink: Reduction,
) {
    let checks = backward(rec.arguments("norm.group_bwd_affine"), [x, stats, dy], shape);
    if sink.fits(sink.fits(checks, "dgamma", dgamma, shape.n, &[shape.c]), "dbeta", dbeta, shape.n, &[shape.c]).wrong()
    {
        return;
    }
    let [scaled, plain] = channel_sums(rec, x, stats, dy, shape);
    fold(rec, scaled, dgamma, shape, sink);
    fold(rec, plain, dbeta, shape, sink);
}

/// Records each sample's own gradients of gamma and beta, [n, c] each: what other records than samples are made of.
pub fn group_affine_parts(
    rec: &mut Recording,
    x: Buf<f32>,
    stats: Buf<f32>,
    dy: Buf<f32>,
    [dgamma, dbeta]: [Buf<f32>; 2],
    shape: NormShape,
) {
    let checks = backward(rec.arguments("norm.group_affine_parts"), [x, stats, dy], shape);
    let dims = [shape.n, shape.c];
    if checks.shape("dgamma", dgamma, &dims).shape("dbeta", dbeta, &dims).wrong() {
        return;
    }
    channel_sums_into(rec, x, stats, dy, [dgamma, dbeta], shape);
}

/// Records the squared norms of each sample's gradients of gamma and of beta, \[n\] each: no gradient is stored across
/// positions.
pub fn group_affine_norms(
    rec: &mut Recording,
    x: Buf<f32>,
    stats: Buf<f32>,
    dy: Buf<f32>,
    [dgamma, dbeta]: [Buf<f32>; 2],
    shape: NormShape,
) {
    let checks = backward(rec.arguments("norm.group_affine_norms"), [x, stats, dy], shape);
    if checks.shape("dgamma", dgamma, &[shape.n]).shape("dbeta", dbeta, &[shape.n]).wrong() {
        return;
    }
    let [scaled, plain] = channel_sums(rec, x, stats, dy, shape);
    reduce::row_norms(rec, scaled, dgamma);
    reduce::row_norms(rec, plain, dbeta);
}

/// [`group_bwd_x`] and [`group_bwd_affine`] together, with the sums over positions shared: one pass less over x and dy.
#[expect(clippy::too_many_arguments, reason = "the formula has this many operands")]
pub fn group_bwd(
    rec: &mut Recording,
    x: Buf<f32>,
    gamma: Buf<f32>,
    stats: Buf<f32>,
    dy: Buf<f32>,
    dx: Buf<f32>,
    affine: (Buf<f32>, Buf<f32>, Reduction),
    shape: NormShape,
) {
    let (dgamma, dbeta, sink) = affine;
    let checks = backward(rec.arguments("norm.group_bwd"), [x, stats, dy], shape).shape("gamma", gamma, &[shape.c]);
    let checks =
        sink.fits(sink.fits(checks, "dgamma", dgamma, shape.n, &[shape.c]), "dbeta", dbeta, shape.n, &[shape.c]);
    if checks.shape("dx", dx, &shape.dims()).wrong() {
        return;
    }
    let parts = channel_sums(rec, x, stats, dy, shape);
    fold(rec, parts[0], dgamma, shape, sink);
    fold(rec, parts[1], dbeta, shape, sink);
    input_gradient(rec, parts, [x, gamma, stats, dy], dx, shape);
}

/// y from given statistics.
fn apply(
    rec: &mut Recording,
    x: Buf<f32>,
    [gamma, beta]: [Buf<f32>; 2],
    stats: Buf<f32>,
    y: Buf<f32>,
    shape: NormShape,
) {
    rec.dispatch(&APPLY)
        .set("WHOLE", u8::from(shape.p.is_multiple_of(4)))
        .params(shape.elementwise())
        .read(x)
        .read(gamma)
        .read(beta)
        .read(stats)
        .write(y)
        .work(3 * x.len as u64, 8 * x.len as u64)
        .threads(x.len.div_ceil(4));
}

/// What the gradients have in common; the operands are x, stats and dy.
fn backward<'r>(checks: Arguments<'r>, [x, stats, dy]: [Buf<f32>; 3], shape: NormShape) -> Arguments<'r> {
    let NormShape { n, groups, p, .. } = shape;
    let checks = shape.fits(checks).shape("x", x, &shape.dims()).shape("dy", dy, &shape.dims());
    let checks = checks.shape("stats", stats, &[n, groups, 2]);
    checks.holds(p / 4 < LONGEST_LOOP, || format!("one thread cannot add {p} positions"))
}

/// Per-sample gradients of gamma and of beta, [n, c] each.
fn channel_sums(rec: &mut Recording, x: Buf<f32>, stats: Buf<f32>, dy: Buf<f32>, shape: NormShape) -> [Buf<f32>; 2] {
    let sums = ["dgamma", "dbeta"].map(|name| rec.temp::<f32>(name, shape.n * shape.c));
    channel_sums_into(rec, x, stats, dy, sums, shape);
    sums
}

fn channel_sums_into(
    rec: &mut Recording,
    x: Buf<f32>,
    stats: Buf<f32>,
    dy: Buf<f32>,
    [scaled, plain]: [Buf<f32>; 2],
    shape: NormShape,
) {
    let planes = shape.n * shape.c;
    rec.dispatch(&CHANNEL)
        .params(Planes { planes: planes as u32, p: shape.p as u32, per: shape.per() as u32 })
        .read(x)
        .read(stats)
        .read(dy)
        .write(scaled)
        .write(plain)
        .work(4 * x.len as u64, 8 * x.len as u64)
        .threads(planes);
}

/// `operands` are x, gamma, stats and dy.
fn input_gradient(
    rec: &mut Recording,
    [scaled, plain]: [Buf<f32>; 2],
    [x, gamma, stats, dy]: [Buf<f32>; 4],
    dx: Buf<f32>,
    shape: NormShape,
) {
    let means = rec.temp::<f32>("means", shape.stats());
    let (groups, per) = (shape.groups as u32, shape.per() as u32);
    rec.dispatch(&ROW)
        .set("CENTRED", u8::from(shape.centred))
        .params(Groups { rows: shape.rows() as u32, groups, per, p: shape.p as u32 })
        .read(gamma)
        .read(scaled)
        .read(plain)
        .write(means)
        .work(4 * plain.len as u64, 8 * plain.len as u64)
        .threads(shape.rows());
    dx_from(rec, means, [x, gamma, stats, dy], dx, shape);
}

/// dx from the means that it takes off, [n, groups, 2]; the operands are x, gamma, stats and dy.
fn dx_from(rec: &mut Recording, means: Buf<f32>, [x, gamma, stats, dy]: [Buf<f32>; 4], dx: Buf<f32>, shape: NormShape) {
    rec.dispatch(&DX)
        .set("WHOLE", u8::from(shape.p.is_multiple_of(4)))
        .params(shape.elementwise())
        .read(x)
        .read(gamma)
        .read(stats)
        .read(means)
        .read(dy)
        .write(dx)
        .work(7 * x.len as u64, 12 * x.len as u64)
        .threads(x.len.div_ceil(4));
}

fn fold(rec: &mut Recording, part: Buf<f32>, out: Buf<f32>, shape: NormShape, sink: Reduction) {
    let (n, c) = (shape.n, shape.c);
    if sink.mode == ReductionMode::PerSample {
        return fold_blocks(rec, part, out, [n, c, n], sink);
    }
    if n <= 2 * BLOCK {
        return fold_blocks(rec, part, out, [n, c, n], sink);
    }
    let blocks = rec.temp::<f32>("blocks", n.div_ceil(BLOCK) * c);
    fold_blocks(rec, part, blocks, [n, c, BLOCK], Reduction { alpha: 1.0, beta: 0.0, ..sink });
    fold_blocks(rec, blocks, out, [n.div_ceil(BLOCK), c, n], Reduction { mode: ReductionMode::Sum, ..sink });
}

/// Samples that one thread adds when there are many: keeps rounding short and any one loop far below what adapters
/// allow.
const BLOCK: usize = 256;

/// One dispatch of [`FOLD`] over [n, c] parts in blocks of `block` samples.
fn fold_blocks(
    rec: &mut Recording,
    part: Buf<f32>,
    out: Buf<f32>,
    [n, c, block]: [usize; 3],
    Reduction { mode, alpha, beta, stride }: Reduction,
) {
    let (n32, c32, stride, block32) = (n as u32, c as u32, stride as u32, block.max(1) as u32);
    let pass = rec.dispatch(&FOLD).set("MODE", mode as u32);
    let pass = pass.params(Fold { n: n32, c: c32, stride, block: block32, alpha, beta }).read(part);
    let per_sample = mode == ReductionMode::PerSample;
    // A per-sample range also holds other parameters' gradients, which stay.
    let pass = if per_sample || beta != 0.0 { pass.update(out) } else { pass.write(out) };
    let threads = if per_sample { n * c } else { out.len };
    pass.work(2 * part.len as u64, 4 * (part.len + threads) as u64).threads(threads);
}
