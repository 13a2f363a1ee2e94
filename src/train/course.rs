//! Learning rate over the course of a training.

use super::config::TrainConfig;
use super::schedule::Schedule;
use crate::base::single;
use crate::error::{Error, Result};

impl TrainConfig {
    /// The learning rate of step `t` (0 at the first) of a training whose epochs have `per_epoch` steps.
    pub fn lr_at(&self, t: u64, per_epoch: usize) -> f64 {
        let total = per_epoch as u64 * self.epochs as u64;
        let warmup = self.warmup(per_epoch).min(total);
        if t < warmup {
            return self.lr * (t + 1) as f64 / (warmup + 1) as f64;
        }
        let (since, rest) = (t - warmup, total - warmup);
        let part = if rest == 0 { 0.0 } else { since as f64 / rest as f64 };
        let factor = match self.schedule {
            Schedule::Constant => 1.0,
            Schedule::Cosine => 0.5 * (1.0 + (std::f64::consts::PI * part).cos()),
            Schedule::Linear => 1.0 - part,
            Schedule::Step => {
                let passed = |milestone: &&f64| t as f64 >= **milestone * per_epoch as f64;
                self.gamma.powi(self.drops().iter().filter(passed).count() as i32)
            }
            Schedule::OneCycle => self.one_cycle.unwrap_or_default().factor(since, rest),
        };
        self.lr * factor
    }

    /// Steps of the warm-up.
    fn warmup(&self, per_epoch: usize) -> u64 {
        self.warmup_steps.max((self.warmup_epochs * per_epoch as f64).round() as u64)
    }

    /// The milestones, in epochs.
    pub(crate) fn drops(&self) -> Vec<f64> {
        match self.milestones.is_empty() {
            true => [0.5, 0.75].map(|part| part * self.epochs as f64).to_vec(),
            false => self.milestones.clone(),
        }
    }

    /// # Errors
    /// Numbers out of range, and keys of another schedule than the recipe's.
    pub(super) fn check_schedule(&self) -> Result<()> {
        let (rising, cycle) = (self.milestones.is_sorted(), self.one_cycle.unwrap_or_default());
        let positive = |v: f64| v > 0.0 && single(v);
        let (step, one_cycle) = (self.schedule == Schedule::Step, self.schedule == Schedule::OneCycle);
        let stated = !self.milestones.is_empty() || self.gamma != 0.1;
        let rules = [
            ("warmup_epochs", (0.0..=1e6).contains(&self.warmup_epochs), "from 0 to 1000000"),
            ("warmup_epochs", self.warmup_epochs == 0.0 || self.warmup_steps == 0, "left out beside warmup_steps"),
            ("milestones", step || self.milestones.is_empty(), "left out unless schedule = \"step\""),
            ("gamma", step || !stated, "left out unless schedule = \"step\""),
            ("gamma", positive(self.gamma), "a positive number of 32 bits (1.2e-38 to 3.4e38)"),
            (
                "milestones",
                rising && self.milestones.iter().all(|m| single(*m) && *m >= 0.0),
                "epochs that ascend from 0",
            ),
            ("one_cycle", one_cycle || self.one_cycle.is_none(), "left out unless schedule = \"one_cycle\""),
            ("one_cycle.pct_start", (0.0..=1.0).contains(&cycle.pct_start), "in [0, 1]"),
            ("one_cycle.div_factor", positive(cycle.div_factor), "a positive number of 32 bits"),
            ("one_cycle.final_div_factor", positive(cycle.final_div_factor), "a positive number of 32 bits"),
        ];
        match rules.iter().find(|(_, good, _)| !good) {
            Some((key, _, want)) => Err(Error::input(format!("train.{key} must be {want}"))),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
