//! What a fit says of itself, and what its continuation depends on.

/// What a step told the host: two scalars of the first term.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct StepReport {
    pub epoch: usize,
    pub step: u64,
    pub loss: f64,
    pub accuracy: f64,
    pub lr: f64,
}

/// Means over an epoch of the first term, as seen during its steps.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct EpochReport {
    pub epoch: usize,
    pub step: u64,
    pub loss: f64,
    pub accuracy: f64,
    pub lr: f64,
    pub steps: usize,
}

/// Why [`Fit::advance`] came back.
#[derive(Clone, Debug, PartialEq)]
pub enum Progress {
    Epoch(EpochReport),
    /// The observer asked for a pause; every submitted step is done.
    Paused,
    /// All epochs are done.
    Done,
}

/// Everything besides theta that the continuation of a fit depends on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FitState {
    pub epoch: usize,
    /// Steps done in this epoch, and since the start.
    pub at: usize,
    pub step: u64,
    pub loss_sum: f64,
    pub correct_sum: f64,
    pub count: f64,
    /// Optimiser vectors, padded like theta.
    pub vectors: Vec<Vec<f32>>,
}
