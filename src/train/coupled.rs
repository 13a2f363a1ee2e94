//! Coupled training (noisy-m-SGD): what it is set with, its draws, and the trace that an exact unlearning couples.

mod check;
pub mod draw;
mod pages;
mod trace;

use serde::{Deserialize, Serialize};

use super::noisy::record_ball;
use crate::engine::{Buf, Recording};
use crate::error::Result;
use crate::nn::Sink;
use crate::records::Session;
use crate::records::scored::Scored;
use crate::statistics;

pub use pages::{Edit, NAME, is_trace_file};
pub use trace::{Draws, Generation, Trace};

/// The `[train.coupled]` table: noisy-m-SGD (Ullah, Mai, Rao, Rossi & Arora, "Machine unlearning via algorithmic
/// stability", COLT 2021). Each step draws `batch_size` distinct records uniformly, clips each record's gradient to
/// norm `clip`, adds N(0, sigma² I) to their mean and takes a plain step; the run keeps the trace that `unlearn forget
/// --method coupling` needs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CoupledConfig {
    /// T: steps of the training, however many records there are; a multiple of `train.epochs`, which is how often the
    /// training is validated.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 1, "unit" = "steps")))]
    pub steps: u64,
    /// Standard deviation of the noise on the mean gradient; 0 for sub-sample-GD, where a record is recomputed without
    /// from its first appearance on.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0)))]
    pub sigma: f64,
    /// G: longest gradient of a record.
    #[cfg_attr(feature = "cli", schemars(extend("exclusiveMinimum" = 0)))]
    pub clip: f64,
    /// The parameters are brought back into a ball of this radius around 0 after each step; absent: they are free.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "cli", schemars(extend("exclusiveMinimum" = 0)))]
    pub radius: Option<f64>,
    /// Every `kappa`-th iterate is kept in the run's folder; those between are computed again when they are needed.
    #[serde(default = "kappa")]
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 1, "unit" = "steps")))]
    pub kappa: u64,
}

fn kappa() -> u64 {
    50
}

impl CoupledConfig {
    /// Records ξ = ḡ + N(0, σ²) into the session's scratch vector, ḡ the mean of the batch's clipped gradients. `words`
    /// hold the seed and the step.
    pub(crate) fn record_noisy(
        &self,
        session: &mut Session,
        rec: &mut Recording,
        scored: &Scored,
        words: Buf<u32>,
    ) -> Result<()> {
        let sink = Sink::Mean { grad: session.grad, scale: (1.0 / scored.n as f64) as f32, accumulate: false };
        statistics::record_clipped(session, rec, scored, (self.clip as f32, None), Some(words), sink)?;
        self.record_noise(session, rec, words)
    }

    /// Records what is added to ḡ.
    pub(crate) fn record_noise(&self, session: &mut Session, rec: &mut Recording, words: Buf<u32>) -> Result<()> {
        match self.sigma > 0.0 {
            true => session.record_noise(rec, self.sigma, words),
            false => Ok(()),
        }
    }

    /// Records Π: theta, brought back into the ball.
    pub(crate) fn record_projection(&self, rec: &mut Recording, theta: Buf<f32>) {
        if let Some(radius) = self.radius {
            record_ball(rec, theta, radius);
        }
    }
}
