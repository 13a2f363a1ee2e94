//! What methods that train some epochs on have in common: the recipe's optimiser at a rate of their own for a part of
//! its epochs, the rest the recipe's.

use serde::{Deserialize, Serialize};

use super::range::Range;
use super::settings::{self, ABSENT, Setting, choice, real};
use crate::train::{SCHEDULES, Schedule, TrainConfig};

/// Settings of the same names in such methods.
///
/// Their defaults are multiples of the recipe's: a rate that suits a dense network trained by SGD does nothing to a
/// graph network trained by Adam, and ten epochs are a quarter of one training and a twentieth of another.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sgd {
    /// Learning rate at the start; in the place of `lr_of_recipe`.
    pub lr: Option<f64>,
    /// The same as a multiple of the recipe's.
    pub lr_of_recipe: f64,
    /// Passes over the first term of the objective; in the place of `epochs_of_recipe`.
    pub epochs: Option<usize>,
    /// The same as a part of the recipe's.
    pub epochs_of_recipe: f64,
    /// How the learning rate falls.
    pub schedule: Schedule,
    /// Of SGD; absent: the recipe's.
    pub momentum: Option<f64>,
    /// Absent: the recipe's, so that the objective stays the same.
    pub weight_decay: Option<f64>,
}

/// How many there are.
pub const SETTINGS: usize = 7;

impl Sgd {
    /// Its settings: default and doc of `lr_of_recipe` and of `epochs_of_recipe`, and the schedule.
    pub const fn settings(
        lr: (&'static str, &'static str),
        epochs: (&'static str, &'static str),
        schedule: &'static str,
    ) -> [Setting; SETTINGS] {
        [
            real("lr_of_recipe", lr.0, Range::POSITIVE, lr.1),
            real("epochs_of_recipe", epochs.0, Range::POSITIVE, epochs.1).tried(0.02, 0.5),
            real("lr", ABSENT, Range::POSITIVE, "Learning rate. Absent: `lr_of_recipe` times the recipe's."),
            settings::epochs(
                "epochs",
                ABSENT,
                1,
                "Passes. Absent: `epochs_of_recipe` of the recipe's, rounded, and 1 at least.",
            ),
            choice("schedule", schedule, SCHEDULES, "How the learning rate falls over the epochs."),
            real("momentum", ABSENT, Range::BELOW_ONE, "Of SGD. Absent: the recipe's."),
            real(
                "weight_decay",
                ABSENT,
                Range::NOT_NEGATIVE,
                "Absent: the recipe's, so that the objective is the same.",
            ),
        ]
    }

    /// Passes over the records, of a network that was trained by `train`.
    pub fn epochs(&self, train: &TrainConfig) -> usize {
        self.epochs.unwrap_or(((self.epochs_of_recipe * train.epochs as f64).round() as usize).max(1))
    }

    /// The configuration of a fit: optimiser, batch size, clipping and the rest are those of the recipe `train`.
    pub fn recipe(&self, train: &TrainConfig) -> TrainConfig {
        TrainConfig {
            lr: self.lr.unwrap_or(self.lr_of_recipe * train.lr),
            epochs: self.epochs(train),
            schedule: self.schedule,
            momentum: self.momentum.unwrap_or(train.momentum),
            nesterov: false,
            weight_decay: self.weight_decay.unwrap_or(train.weight_decay),
            ..train.without_course()
        }
    }
}
