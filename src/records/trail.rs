//! What a session's fits have passed: what a report draws of a method that trains.

/// An epoch of a fit that is behind it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Passed {
    /// From 1, in its fit.
    pub epoch: usize,
    /// Steps since the fit's start.
    pub step: u64,
    /// Mean loss of its first term over the epoch, in nats.
    pub loss: f64,
    /// Share of the epoch's records that were classified as labelled; none where records have targets.
    pub accuracy: Option<f64>,
    /// Learning rate of the last step.
    pub lr: f64,
    /// That it took.
    pub seconds: f64,
}
