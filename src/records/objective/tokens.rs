//! The cross-entropy of the tokens of a text.

use super::{Direction, Losses, Objective, Of, Outputs, side_by_side};
use crate::engine::{Buf, Recording};
use crate::error::{Error, Result};
use crate::kernels::graph::{self, Readout};
use crate::kernels::{attention, edit, loss};
use crate::nn::structure::Segments;
use crate::records::batch::Targets;

/// The mean over a record's tokens of their cross-entropy, each predicted from those before it. Of a batch it is the
/// mean over records, so that a long text counts for no more than a short one.
pub static TOKEN_CROSS_ENTROPY: Objective = Objective {
    name: "token_cross_entropy",
    summary: "mean over a text's tokens of the negative log-likelihood of each, given those before it",
    citation: "Bengio et al., A neural probabilistic language model, JMLR 3, 2003",
    of: Of::Tokens,
    softmax: false,
    in_place: false,
    kept: |_| Vec::new(),
    record,
    curvature: Some(curvature),
};

fn record(rec: &mut Recording, out: &Outputs, targets: &Targets) -> Result<Losses> {
    let (labels, weight) = targets.tokens()?;
    let segments = out.batch.segments.ok_or_else(|| Error::internal("a batch of text says which rows are a record"))?;
    let made = ["losses of tokens", "right tokens"].map(|name| rec.temp(name, labels.len));
    let slope = of_tokens(rec, out.logits, labels, made, out.classes);
    let dlogits = rec.temp("dlogits", slope.len);
    attention::scale_heads(rec, slope, weight, dlogits, out.classes);
    let sums = of_texts(rec, &segments, made, weight, out.n);
    Ok(Losses { sums, dlogits })
}

/// Records the loss of every token of some rows, and 1 for each that is the likeliest; returns the gradients to the
/// logits, which no weight is in yet.
pub(in crate::records) fn of_tokens(
    rec: &mut Recording,
    logits: Buf<f32>,
    labels: Buf<u32>,
    [each, right]: [Buf<f32>; 2],
    classes: usize,
) -> Buf<f32> {
    let slope = rec.temp("slopes of tokens", logits.len);
    loss::softmax_xent(rec, logits, labels, each, slope, right, labels.len, classes);
    slope
}

/// Records what the texts of a batch make of their tokens' losses and right answers, which become the weighted ones:
/// the two halves of [`Losses::sums`].
pub(in crate::records) fn of_texts(
    rec: &mut Recording,
    segments: &Segments,
    [each, right]: [Buf<f32>; 2],
    weight: Buf<f32>,
    n: usize,
) -> Buf<f32> {
    let (sums, losses, correct) = side_by_side(rec, n);
    for (of_rows, of_records) in [(each, losses), (right, correct)] {
        edit::mask(rec, of_rows, weight);
        graph::segment(rec, segments.ptr, of_rows, of_records, 1, Readout::Sum, None);
    }
    sums
}

/// w (p ∘ r − p (p · r)) of each row, p = softmax(z).
fn curvature(rec: &mut Recording, d: &Direction) -> Result<()> {
    let (labels, weight) = d.targets.tokens()?;
    let plain = rec.temp("curvature of tokens", d.out.len);
    loss::softmax_xent_tangent(rec, d.logits, labels, d.along, plain, false);
    attention::scale_heads(rec, plain, weight, d.out, d.classes);
    Ok(())
}
