//! What methods that train some epochs on have in common: SGD with settings of their own, the rest the recipe's.

use crate::methods::shared::settings::{not_negative, positive};
use crate::train::{Schedule, TrainConfig};

/// Settings of the same names in such methods.
pub(in crate::methods) struct Sgd {
    pub lr: f64,
    pub epochs: usize,
    pub schedule: Schedule,
    pub momentum: f64,
    /// Absent: the recipe's, so that the objective stays the same.
    pub weight_decay: Option<f64>,
}

impl Sgd {
    /// What [`crate::methods::shared::settings::check`] holds them to.
    pub fn rules(&self) -> [(&'static str, bool, &'static str); 4] {
        [
            ("lr", positive(self.lr), "a positive number"),
            ("epochs", self.epochs > 0, "1 or more"),
            ("momentum", (0.0..1.0).contains(&self.momentum), "in [0, 1)"),
            ("weight_decay", self.weight_decay.is_none_or(not_negative), "0 or more"),
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
            // What forgets by its data again keeps no promise of privacy.
            dp: None,
            ..train.clone()
        }
    }
}
