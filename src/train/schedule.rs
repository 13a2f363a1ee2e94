//! How a learning rate changes over a fit.

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
    /// lr · gamma at each of the milestones; without any a tenth after half and again after three quarters of the
    /// steps.
    Step,
    /// Up to lr and down to nearly 0, both along a cosine (Smith & Topin 2018): PyTorch's `OneCycleLR`, momentum left
    /// as it is.
    OneCycle,
}

/// Names and meanings for `unlearn list`.
pub static SCHEDULES: &[(&str, &str)] = &[
    ("constant", "lr"),
    ("cosine", "lr (1 + cos(pi t/T)) / 2"),
    ("linear", "lr (1 - t/T)"),
    ("step", "lr, a tenth after 1/2 and a hundredth after 3/4 of the steps"),
    ("one_cycle", "from lr/25 up to lr in 3/10 of the steps, then down to lr/250000, along cosines"),
];

impl Schedule {
    /// Whether the rate of a step is the same however many epochs follow it; with milestones, of `step` too.
    pub fn goes_on(self) -> bool {
        matches!(self, Schedule::Constant | Schedule::Step)
    }
}

/// The shape of `schedule = "one_cycle"`, with the names and defaults of PyTorch's `OneCycleLR`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct OneCycle {
    /// Share of the steps in which the learning rate rises.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0, "maximum" = 1)))]
    pub pct_start: f64,
    /// The first learning rate is `lr` divided by this.
    #[cfg_attr(feature = "cli", schemars(extend("exclusiveMinimum" = 0)))]
    pub div_factor: f64,
    /// The last learning rate is the first one divided by this.
    #[cfg_attr(feature = "cli", schemars(extend("exclusiveMinimum" = 0)))]
    pub final_div_factor: f64,
}

impl Default for OneCycle {
    fn default() -> Self {
        OneCycle { pct_start: 0.3, div_factor: 25.0, final_div_factor: 1e4 }
    }
}

impl OneCycle {
    /// The factor on the highest learning rate at step `t` of `total`.
    pub(super) fn factor(self, t: u64, total: u64) -> f64 {
        let along =
            |from: f64, to: f64, part: f64| to + (from - to) / 2.0 * ((std::f64::consts::PI * part).cos() + 1.0);
        let (t, last) = (t as f64, total as f64 - 1.0);
        let (first, top) = (1.0 / self.div_factor, self.pct_start * total as f64 - 1.0);
        if t <= top && top > 0.0 {
            return along(first, 1.0, t / top);
        }
        let part = if last > top { (t - top) / (last - top) } else { 1.0 };
        along(1.0, first / self.final_div_factor, part)
    }
}
