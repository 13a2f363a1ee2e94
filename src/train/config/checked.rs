//! What numbers a recipe may have, and what does not go together.

use super::{MOST_EPOCHS, TrainConfig};
use crate::base::single;
use crate::error::{Error, Result};
use crate::records::objective::{self, Balanced, ClassWeights};

impl TrainConfig {
    /// Checks every number.
    pub fn check(&self) -> Result<()> {
        self.optimizer()?;
        self.objective.as_deref().map_or(Ok(()), |name| objective::find(name).map(drop))?;
        // Held to 32 bits, in which steps are computed: what is 0, 1 or infinite there is no longer what was meant.
        let unit = |v: f64| single(v) && (0.0..1.0).contains(&(v as f32));
        let positive = |v: f64| v > 0.0 && single(v);
        let not_negative = |v: f64| v >= 0.0 && single(v);
        let weights = match &self.class_weights {
            Some(ClassWeights::Given(all)) => all.iter().all(|w| not_negative(*w)) && all.iter().any(|w| positive(*w)),
            Some(ClassWeights::Word(_)) | None => true,
        };
        let rules = [
            ("lr", positive(self.lr), "a positive number of 32 bits (1.2e-38 to 3.4e38)"),
            ("momentum", unit(self.momentum), "in [0, 1), in 32 bits too"),
            ("weight_decay", not_negative(self.weight_decay), "0 or more, and a number of 32 bits"),
            ("beta1", unit(self.beta1), "in [0, 1), in 32 bits too"),
            ("beta2", unit(self.beta2), "in [0, 1), in 32 bits too"),
            ("eps", positive(self.eps), "a positive number of 32 bits (1.2e-38 to 3.4e38)"),
            ("batch_size", self.batch_size > 0, "1 or more"),
            ("fanout", self.fanout.iter().all(|n| *n > 0), "a list of numbers of at least 1"),
            ("epochs", (1..=MOST_EPOCHS).contains(&self.epochs), "from 1 to 1000000"),
            ("clip_norm", not_negative(self.clip_norm), "0 or more, and a number of 32 bits"),
            ("objective_noise", not_negative(self.objective_noise), "0 or more, and a number of 32 bits"),
            ("steps_per_submission", (1..=256).contains(&self.steps_per_submission), "from 1 to 256"),
            ("label_smoothing", unit(self.label_smoothing), "in [0, 1), in 32 bits too"),
            ("class_weights", weights, "`balanced`, or a number of 0 or more for each class, one of them above 0"),
            ("huber_delta", self.huber_delta.is_none_or(positive), "a positive number of 32 bits (1.2e-38 to 3.4e38)"),
            ("ema", unit(self.ema), "in [0, 1), in 32 bits too"),
            ("accumulate", (1..=4096).contains(&self.accumulate), "from 1 to 4096"),
            ("nesterov", !self.nesterov || self.momentum > 0.0, "false where momentum is 0"),
        ];
        match rules.iter().find(|(_, good, _)| !good) {
            Some((key, _, want)) => Err(Error::input(format!("train.{key} must be {want}"))),
            None => self.dp.map_or(Ok(()), |dp| dp.check()),
        }?;
        self.check_schedule()?;
        self.check_slices()?;
        self.check_keep()?;
        self.check_deltas()?;
        self.check_private()?;
        self.coupled.map_or(Ok(()), |coupled| coupled.check(self))?;
        self.early_stopping.map_or(Ok(()), |stopping| stopping.check())
    }

    /// # Errors
    /// What private steps cannot be combined with.
    fn check_private(&self) -> Result<()> {
        let balanced = self.class_weights == Some(ClassWeights::Word(Balanced::Balanced));
        let lacks = [
            (balanced, "class_weights", "`balanced` tells how many records a class has; give numbers"),
            (self.accumulate > 1, "accumulate", "a private step clips record by record in any case; raise batch_size"),
            (self.early_stopping.is_some(), "early_stopping", "ε is that of all epochs; leave it out"),
        ];
        match lacks.iter().find(|(lack, ..)| *lack && self.dp.is_some()) {
            Some((_, key, why)) => Err(Error::input(format!("train.{key} does not go with [train.dp]: {why}"))),
            None => Ok(()),
        }
    }
}
