//! What a fit says of itself, and what its continuation depends on.

/// What a step told the host: two scalars of the first term.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct StepReport {
    /// From 1.
    pub epoch: usize,
    /// Steps since the start.
    pub step: u64,
    /// Mean loss of the batch, before the step.
    pub loss: f64,
    /// Share of the batch that was classified as labelled; none where records have targets in
    /// place of a class.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<f64>,
    /// Learning rate of the step.
    pub lr: f64,
}

/// Means over an epoch of the first term, as seen during its steps.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct EpochReport {
    /// From 1.
    pub epoch: usize,
    /// Steps since the start.
    pub step: u64,
    /// Mean loss over the epoch's batches, each before its step.
    pub loss: f64,
    /// Share of the epoch's records that were classified as labelled; none where records have targets in
    /// place of a class.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<f64>,
    /// Learning rate of the last step.
    pub lr: f64,
    /// Steps of this epoch.
    pub steps: usize,
}

/// Why `Fit::advance` came back.
#[derive(Clone, Debug, PartialEq)]
pub enum Progress {
    /// An epoch is done.
    Epoch(EpochReport),
    /// The observer asked for a pause; every submitted step is done.
    Paused,
    /// All epochs are done.
    Done,
}

/// Everything besides theta that the continuation of a fit depends on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FitState {
    /// Epochs done.
    pub epoch: usize,
    /// Steps done in this epoch, and since the start.
    pub at: usize,
    /// Steps since the start.
    pub step: u64,
    /// Sum of the records' losses in this epoch.
    pub loss_sum: f64,
    /// Records of this epoch that were classified as labelled.
    pub correct_sum: f64,
    /// Records seen in this epoch.
    pub count: f64,
    /// Optimiser vectors, padded like theta.
    pub vectors: Vec<Vec<f32>>,
    /// The weights' moving average, where the recipe has one.
    pub average: Option<Vec<f32>>,
    /// The best weights so far, where early stopping looks for them.
    pub best: Option<Best>,
}

/// The best weights by the validation part.
#[derive(Clone, Debug, PartialEq)]
pub struct Best {
    /// The epoch that they are of, from 1.
    pub epoch: usize,
    /// What validation said, such that more is better.
    pub value: f64,
    /// The weights, padded like theta.
    pub theta: Vec<f32>,
}
