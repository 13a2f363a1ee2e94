//! What methods that train some epochs on have in common: SGD with settings of their own, the rest the recipe's.

use serde::{Deserialize, Serialize};

use super::range::Range;
use super::settings::{self, ABSENT, Setting, choice, real};
use crate::train::{SCHEDULES, Schedule, TrainConfig};

/// Settings of the same names in such methods.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sgd {
    /// Learning rate at the start.
    pub lr: f64,
    /// Passes over the first term of the objective.
    pub epochs: usize,
    /// How the learning rate falls.
    pub schedule: Schedule,
    /// 0 for none.
    pub momentum: f64,
    /// Absent: the recipe's, so that the objective stays the same.
    pub weight_decay: Option<f64>,
}

impl Sgd {
    /// Its settings: default and doc of `lr` and of `epochs`, and the schedule.
    pub const fn settings(
        lr: (&'static str, &'static str),
        epochs: (&'static str, &'static str),
        schedule: &'static str,
    ) -> [Setting; 5] {
        [
            real("lr", lr.0, Range::POSITIVE, lr.1),
            settings::epochs("epochs", epochs.0, 1, epochs.1),
            choice("schedule", schedule, SCHEDULES, "How the learning rate falls over the epochs."),
            real("momentum", "0.9", Range::BELOW_ONE, "Of SGD; 0.9 in every source."),
            real(
                "weight_decay",
                ABSENT,
                Range::NOT_NEGATIVE,
                "Absent: the recipe's, so that the objective is the same.",
            ),
        ]
    }

    /// The configuration of a fit: batch size, clipping and the rest are those of the recipe `train`.
    pub fn recipe(&self, train: &TrainConfig) -> TrainConfig {
        TrainConfig {
            optimizer: "sgd".into(),
            lr: self.lr,
            epochs: self.epochs,
            schedule: self.schedule,
            momentum: self.momentum,
            nesterov: false,
            weight_decay: self.weight_decay.unwrap_or(train.weight_decay),
            ..train.without_course()
        }
    }
}
