//! When a training ends before its epochs are over: what the validation part says.

use serde::{Deserialize, Serialize};

use crate::base::single;
use crate::error::{Error, Result};
use crate::statistics::Score;

/// The table `train.early_stopping`: after each epoch the validation part is read, and training ends when so many
/// epochs in a row were no better than the best one, whose weights are the run's.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct EarlyStopping {
    /// Epochs in a row without a better value that end the training.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 1, "unit" = "epochs")))]
    pub patience: usize,
    /// What a value must be better by to count as better.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0)))]
    #[serde(default)]
    pub min_delta: f64,
    /// What is looked at.
    #[serde(default)]
    pub monitor: Monitor,
}

/// What early stopping looks at, of the validation part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Monitor {
    /// The mean loss: lower is better.
    #[default]
    Loss,
    /// The share that is classified as labelled: higher is better.
    Accuracy,
}

impl EarlyStopping {
    pub(super) fn check(self) -> Result<()> {
        let fail = |key: &str, want: &str| Err(Error::input(format!("train.early_stopping.{key} must be {want}")));
        match self {
            EarlyStopping { patience: 0, .. } => fail("patience", "1 or more"),
            EarlyStopping { min_delta, .. } if !(min_delta >= 0.0 && single(min_delta)) => {
                fail("min_delta", "0 or more, and a number of 32 bits")
            }
            _ => Ok(()),
        }
    }

    /// What is looked at, such that more is better.
    pub(super) fn value(self, score: &Score) -> f64 {
        match self.monitor {
            Monitor::Loss => -score.loss,
            // Refused before a fit begins where there is none.
            Monitor::Accuracy => score.accuracy.unwrap_or(f64::NEG_INFINITY),
        }
    }
}
