//! Losses of single rows, each a record or a token of a text, and what texts make of those of their tokens.

use super::super::super::batch::Targets;
use super::super::tokens::of_tokens;
use super::super::{Losses, Outputs, labels};
use super::blend;
use crate::engine::{Buf, Recording};
use crate::error::{Error, Result};
use crate::kernels::graph::{self, Readout};
use crate::kernels::{attention, edit, loss, map};

/// The labels of the rows and, of texts, what a token counts for in its text.
fn labelled(targets: &Targets) -> Result<(Buf<u32>, Option<Buf<f32>>)> {
    match targets {
        Targets::Tokens { labels, weight, .. } => Ok((*labels, Some(*weight))),
        other => Ok((labels(other)?, None)),
    }
}

/// Records `losses` \[n\] of numbers of the rows: these themselves where a row is a record, or their weighted sums,
/// which leaves the weighted ones in their place.
fn into_records(
    rec: &mut Recording,
    out: &Outputs,
    of_rows: Buf<f32>,
    weight: Option<Buf<f32>>,
    losses: Buf<f32>,
) -> Result<()> {
    let Some(weight) = weight else {
        map::axpby(rec, 1.0, of_rows, 0.0, losses);
        return Ok(());
    };
    let segments = out.batch.segments.ok_or_else(|| Error::internal("a batch of text says which rows are a record"))?;
    edit::mask(rec, of_rows, weight);
    graph::segment(rec, segments.ptr, of_rows, losses, 1, Readout::Sum, None);
    Ok(())
}

/// Makes of a loss ℓ and its gradient those of c ℓ with c = exp(−α ℓ) held fixed, row by row.
pub(super) fn certain(rec: &mut Recording, out: &Outputs, targets: &Targets, own: &Losses, alpha: f64) -> Result<()> {
    let (labels, weight) = labelled(targets)?;
    // Of the label alone: smoothing and weights of classes change how much a record counts, not how likely it is.
    let [each, right, scaled, sure, rest] =
        ["losses of rows", "right rows", "scaled", "sigmoid", "its rest"].map(|name| rec.temp(name, labels.len));
    of_tokens(rec, out.logits, labels, [each, right], out.classes);
    // exp(x) is σ(x) / (1 − σ(x)), and for x ≤ 0 the divisor is a half at least.
    map::axpby(rec, -alpha as f32, each, 0.0, scaled);
    map::unary(rec, map::Unary::Sigmoid, scaled, sure);
    map::fill(rec, rest, 1.0);
    map::axpby(rec, -1.0, sure, 1.0, rest);
    let (none, factor) = (rec.temp("none", 1), rec.temp("factor", labels.len));
    rec.clear(none);
    edit::precondition(rec, sure, rest, none, 0.0, factor);
    let slope = rec.temp("weighed slopes", own.dlogits.len);
    attention::scale_heads(rec, own.dlogits, factor, slope, out.classes);
    map::axpby(rec, 1.0, slope, 0.0, own.dlogits);
    let losses = own.sums.range(0..out.n);
    match weight {
        // The record's own loss, which may have weights.
        None => edit::mask(rec, losses, factor),
        Some(_) => {
            edit::mask(rec, each, factor);
            into_records(rec, out, each, weight, losses)?;
        }
    }
    Ok(())
}

/// Puts in the place of a loss `weight` KL(softmax(z₀ − γ 1_y) ‖ softmax(z)), row by row.
pub(super) fn adjusted(
    rec: &mut Recording,
    out: &Outputs,
    targets: &Targets,
    own: &Losses,
    (taught, gamma, weight): (Option<Buf<f32>>, f64, f64),
) -> Result<()> {
    let taught = taught.ok_or_else(|| Error::internal("a lesson without its teacher"))?;
    let (labels, counts) = labelled(targets)?;
    let answers = rec.temp("answers", taught.len);
    loss::softmax(rec, taught, answers, out.classes);
    if gamma != 0.0 {
        // The gradient of a cross-entropy is softmax(z₀) − 1_y.
        let [each, right] = ["losses of rows", "right rows"].map(|name| rec.temp(name, labels.len));
        let short = of_tokens(rec, taught, labels, [each, right], out.classes);
        map::axpby(rec, -gamma as f32, answers, gamma as f32, short);
        let lowered = rec.temp("lowered", taught.len);
        map::binary(rec, map::Binary::Add, taught, short, lowered);
        loss::softmax(rec, lowered, answers, out.classes);
    }
    let (away, slope) = (rec.temp("distance", labels.len), rec.temp("its gradient", out.logits.len));
    loss::soft_kl(rec, out.logits, answers, away, slope);
    let slope = weighted(rec, slope, counts, out.classes);
    blend(rec, (weight as f32, slope), (0.0, own.dlogits));
    let (scaled, losses) = (rec.temp("weighed", labels.len), own.sums.range(0..out.n));
    map::axpby(rec, weight as f32, away, 0.0, scaled);
    into_records(rec, out, scaled, counts, losses)
}

/// The rows of x, of texts times what their tokens count for.
fn weighted(rec: &mut Recording, x: Buf<f32>, counts: Option<Buf<f32>>, width: usize) -> Buf<f32> {
    let Some(counts) = counts else { return x };
    let y = rec.temp("weighed slopes", x.len);
    attention::scale_heads(rec, x, counts, y, width);
    y
}

/// Records the distance of activations from where they are steered: `weight` ‖h − t‖² / width into `losses` \[n\];
/// returns its gradient, row by row. `h` and `t` are [rows, width].
pub(in crate::records) fn steered(
    rec: &mut Recording,
    out: &Outputs,
    targets: &Targets,
    [h, t]: [Buf<f32>; 2],
    (weight, losses): (f64, Buf<f32>),
) -> Result<Buf<f32>> {
    let counts = match targets {
        Targets::Tokens { weight, .. } => Some(*weight),
        _ => None,
    };
    let rows = out.batch.n;
    let (away, slope) = (rec.temp("distance", rows), rec.temp("its gradient", h.len));
    loss::mse(rec, h, t, away, slope);
    let slope = weighted(rec, slope, counts, h.len.checked_div(rows).unwrap_or(0));
    let (scaled, made) = (rec.temp("weighed", rows), rec.temp("steering", h.len));
    blend(rec, (weight as f32, slope), (0.0, made));
    map::axpby(rec, weight as f32, away, 0.0, scaled);
    into_records(rec, out, scaled, counts, losses)?;
    Ok(made)
}
