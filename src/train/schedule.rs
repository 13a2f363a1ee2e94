//! Learning rate over the course of a fit.

use serde::{Deserialize, Serialize};

/// How the learning rate changes from its start value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Schedule {
    /// The learning rate stays.
    #[default]
    Constant,
    /// lr · (1 + cos(π t/T)) / 2 (Loshchilov & Hutter 2017, one cycle).
    Cosine,
    /// lr · (1 − t/T).
    Linear,
    /// lr · 0.1 after half and again after three quarters of the steps.
    Step,
}

/// Names and meanings for `unlearn list`.
pub static SCHEDULES: &[(&str, &str)] = &[
    ("constant", "lr"),
    ("cosine", "lr (1 + cos(pi t/T)) / 2"),
    ("linear", "lr (1 - t/T)"),
    ("step", "lr, a tenth after 1/2 and a hundredth after 3/4 of the steps"),
];

impl Schedule {
    /// The factor on the learning rate at step `t` of `total`.
    pub fn factor(self, t: u64, total: u64) -> f64 {
        let part = if total == 0 { 0.0 } else { t as f64 / total as f64 };
        match self {
            Schedule::Constant => 1.0,
            Schedule::Cosine => 0.5 * (1.0 + (std::f64::consts::PI * part).cos()),
            Schedule::Linear => 1.0 - part,
            Schedule::Step if part >= 0.75 => 0.01,
            Schedule::Step if part >= 0.5 => 0.1,
            Schedule::Step => 1.0,
        }
    }
}
