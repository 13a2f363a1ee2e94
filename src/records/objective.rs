//! What a network is trained for: the loss of a batch and its gradient to the outputs, as rows of a registry.

mod aim;
mod cross_entropy;
mod lesson;
mod link;
mod multi_label;
mod numbers;
mod squared_error;
#[cfg(test)]
mod tests;
mod tokens;
mod weighted;

use super::batch::Targets;
use crate::base::did_you_mean;
use crate::data::TargetKind;
use crate::engine::{ALIGN, Buf, Recording};
use crate::error::{Error, Result};
use crate::kernels::map;
use crate::nn::Batch;

/// An objective: a loss for each record, of which a step takes the mean.
pub struct Objective {
    /// What `train.objective` says.
    pub name: &'static str,
    /// In a few words.
    pub summary: &'static str,
    /// Where it is from.
    pub citation: &'static str,
    /// The records that it is of.
    pub of: Of,
    /// The outputs are those of a softmax whose negative log-likelihood this is: what sampled labels, the Fisher
    /// information of the model's own labels and the constants of certificates rest on.
    pub softmax: bool,
    /// `record` can do with the logits of more rows than the records': [`Outputs::at`].
    pub(crate) in_place: bool,
    /// Numbers that stay on the engine, for so many classes; none for most.
    pub(crate) kept: fn(usize) -> Vec<f32>,
    /// Records losses, right answers and the gradient to the outputs.
    pub(crate) record: fn(&mut Recording, &Outputs, &Targets) -> Result<Losses>,
    /// Records the Hessian of each record's loss in its outputs times a direction.
    pub(crate) curvature: Option<fn(&mut Recording, &Direction) -> Result<()>>,
}

/// The records that an objective is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    /// Records with a class each.
    Classes,
    /// Pairs of nodes, to be told from pairs without an edge.
    Pairs,
    /// Records with numbers to predict.
    Numbers,
    /// Records with several labels.
    Labels,
    /// Texts, of which each token is predicted.
    Tokens,
}

impl Of {
    /// Such records, in words.
    pub fn records(self) -> &'static str {
        match self {
            Of::Pairs => "pairs of nodes (data.task = \"link\")",
            Of::Classes => TargetKind::Class.records(),
            Of::Numbers => TargetKind::Real.records(),
            Of::Labels => TargetKind::MultiLabel.records(),
            Of::Tokens => TargetKind::Text.records(),
        }
    }

    /// Whether an answer is right or wrong, so that there is an accuracy; of texts, the share of right tokens.
    pub fn counts(self) -> bool {
        matches!(self, Of::Classes | Of::Pairs | Of::Tokens)
    }
}

/// What records that stand alone are trained for, unless the recipe says.
pub(super) fn of(kind: TargetKind) -> &'static Objective {
    match kind {
        TargetKind::Class => &CROSS_ENTROPY,
        TargetKind::Real => &MEAN_SQUARED_ERROR,
        TargetKind::MultiLabel => &BINARY_CROSS_ENTROPY,
        TargetKind::Text => &TOKEN_CROSS_ENTROPY,
    }
}

/// Every objective, in the order in which `unlearn list objectives` prints them.
pub static OBJECTIVES: &[&Objective] =
    &[&CROSS_ENTROPY, &SQUARED_ERROR, &MEAN_SQUARED_ERROR, &HUBER, &BINARY_CROSS_ENTROPY, &TOKEN_CROSS_ENTROPY, &LINK];

pub(super) use aim::Weighing;
pub use aim::{Aim, Balanced, ClassWeights};
pub use cross_entropy::CROSS_ENTROPY;
pub(super) use lesson::steered;
pub use lesson::{Lesson, Towards};
pub use link::LINK;
pub use multi_label::BINARY_CROSS_ENTROPY;
pub use numbers::{HUBER, MEAN_SQUARED_ERROR};
pub use squared_error::SQUARED_ERROR;
pub use tokens::TOKEN_CROSS_ENTROPY;
pub(super) use tokens::{of_texts, of_tokens};
pub(super) use weighted::{SMOOTHED, Table, WEIGHTED};

/// What a network made of a batch.
pub(crate) struct Outputs<'a> {
    pub batch: &'a Batch,
    /// [rows, classes]; a row is a record or, of pairs, the embedding of a node.
    pub logits: Buf<f32>,
    /// The records' rows among those of `logits`; `None`: they are the records', in their order.
    pub at: Option<Buf<u32>>,
    /// Records.
    pub n: usize,
    pub classes: usize,
    /// [`Objective::kept`] on the engine.
    pub kept: Option<Buf<f32>>,
    /// [`Aim::huber_delta`].
    pub delta: f32,
    /// The words of the step; present in training.
    pub step: Option<Buf<u32>>,
}

impl Outputs<'_> {
    /// A number of each record \[n\] for each row of the outputs: the same where a row is a record; of texts, whose
    /// rows are tokens, that of the record which a row is of, 0 for rows of nobody.
    fn of_rows(&self, rec: &mut Recording, numbers: Buf<f32>) -> Buf<f32> {
        let rows = self.logits.len.checked_div(self.classes).unwrap_or(0);
        match self.batch.segments.filter(|_| rows != self.n) {
            None => numbers,
            Some(segments) => {
                let spread = rec.temp("of the rows", rows);
                rec.clear(spread);
                map::gather_rows(rec, numbers, 0, self.n, 1, segments.of, spread);
                spread
            }
        }
    }
}

/// Losses of a batch in a recording.
pub(crate) struct Losses {
    /// Two halves: losses, and 1 for each right answer, both with 0 between and behind them.
    pub sums: Buf<f32>,
    /// Gradient to all of `logits` [rows, classes], not divided by the number of records.
    pub dlogits: Buf<f32>,
}

/// A direction in the outputs [n, classes], and where its product with the loss's Hessian goes.
pub(crate) struct Direction<'a> {
    pub logits: Buf<f32>,
    pub targets: &'a Targets,
    pub along: Buf<f32>,
    pub out: Buf<f32>,
    pub classes: usize,
    /// [`Objective::kept`] on the engine.
    pub kept: Option<Buf<f32>>,
    /// [`Aim::huber_delta`].
    pub delta: f32,
}

/// The objective of a name.
///
/// # Errors
/// An unknown name.
pub fn find(name: &str) -> Result<&'static Objective> {
    let names: Vec<&str> = OBJECTIVES.iter().map(|row| row.name).collect();
    OBJECTIVES.iter().copied().find(|row| row.name == name).ok_or_else(|| {
        Error::input(format!(
            "train.objective: there is no objective `{name}`{}; the objectives are {}",
            did_you_mean(name, names.iter().copied()),
            names.join(", ")
        ))
    })
}

/// # Errors
/// An objective that is not the likelihood of a softmax, on which `what` rests.
pub fn needs_softmax(objective: &Objective, what: &str) -> Result<()> {
    match (objective.softmax, objective.of) {
        (true, _) => Ok(()),
        (false, Of::Numbers | Of::Labels | Of::Tokens) => Err(Error::input(format!(
            "{what} rests on softmax and cross-entropy, and the network is trained for `{}` of {}",
            objective.name,
            objective.of.records()
        ))),
        (false, _) => Err(Error::input(format!(
            "{what} rests on softmax and cross-entropy, and the network is trained for `{}`; use train.objective = \
                \"{}\"",
            objective.name, CROSS_ENTROPY.name
        ))),
    }
}

/// Losses and right answers [n] each, side by side in one buffer of zeros, so that one dispatch sums both.
pub(super) fn side_by_side(rec: &mut Recording, n: usize) -> (Buf<f32>, Buf<f32>, Buf<f32>) {
    let stride = n.next_multiple_of(ALIGN);
    let sums = rec.temp("loss_and_correct", 2 * stride);
    rec.clear(sums);
    (sums, sums.range(0..n), sums.range(stride..stride + n))
}

/// The classes of a batch's records.
///
/// # Errors
/// Records without classes.
fn labels(targets: &Targets) -> Result<Buf<u32>> {
    match targets {
        Targets::Classes { labels, .. } => Ok(*labels),
        _ => Err(Error::internal("an objective of classes over records without")),
    }
}
