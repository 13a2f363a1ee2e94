//! What is scored.

use super::Evaluation;

/// What is scored: one model, the retrained references it is compared with, and what was asked to be forgotten.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// Outputs of the model under test, by part.
    pub now: &'a Evaluation,
    /// Retrained models, other seeds; may be empty, then everything that needs them is absent.
    pub references: &'a [&'a Evaluation],
    /// The classes of a class request; empty for every other kind.
    pub forgotten_classes: &'a [u32],
}
