//! The `[train]` table.

use serde::{Deserialize, Serialize};

use super::optimizer::Optimizer;
use super::private::DpConfig;
use super::schedule::Schedule;
use crate::base::single;
use crate::error::{Error, Result};
use crate::records::objective;

/// More than this is taken for a slip: the steps of so many epochs can still be counted.
const MOST_EPOCHS: usize = 1_000_000;

/// Every setting of a training run; absent keys take these defaults and are written back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct TrainConfig {
    /// `sgd`, `adam` or `adamw`.
    pub optimizer: String,
    /// Learning rate at the start.
    #[cfg_attr(feature = "cli", schemars(extend("exclusiveMinimum" = 0)))]
    pub lr: f64,
    /// `sgd`: share of the last velocity that is kept.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0, "exclusiveMaximum" = 1)))]
    pub momentum: f64,
    /// `sgd`: Nesterov's form of momentum.
    pub nesterov: bool,
    /// Factor of a parameter that is added to its gradient; `adamw` takes it off the parameter.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0)))]
    pub weight_decay: f64,
    /// `adam`, `adamw`: decay of the gradient's mean.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0, "exclusiveMaximum" = 1)))]
    pub beta1: f64,
    /// `adam`, `adamw`: decay of the squared gradient's mean.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0, "exclusiveMaximum" = 1)))]
    pub beta2: f64,
    /// `adam`, `adamw`: added to the root of the second moment.
    #[cfg_attr(feature = "cli", schemars(extend("exclusiveMinimum" = 0)))]
    pub eps: f64,
    /// Records of a step. Over the nodes of one graph a step takes all of them, unless `fanout` is set.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 1, "unit" = "records")))]
    pub batch_size: usize,
    /// Neighbours sampled at each hop (GraphSAGE, Hamilton et al. 2017), one entry per hop, nearest first; empty: all.
    #[cfg_attr(feature = "cli", schemars(inner(range(min = 1))))]
    pub fanout: Vec<usize>,
    /// Passes over the training records.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 1, "unit" = "epochs")))]
    pub epochs: usize,
    /// How the learning rate falls.
    pub schedule: Schedule,
    /// Gradients longer than this are scaled down to it; 0 leaves them alone.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0)))]
    pub clip_norm: f64,
    /// Steps recorded into one submission.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 1, "maximum" = 256, "unit" = "steps")))]
    pub steps_per_submission: usize,
    /// sigma of the term bᵀθ / n, b ~ N(0, sigma² I), in the objective of n records: what a certified removal needs; 0
    /// for none.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0)))]
    pub objective_noise: f64,
    /// What is minimised, by a name of [`crate::records::OBJECTIVES`]; what suits the records if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub objective: Option<String>,
    /// A checkpoint is written after so many steps, besides the one at the end of each epoch; 0 for none.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "steps")))]
    pub checkpoint_steps: u64,
    /// Differentially private steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dp: Option<DpConfig>,
}

impl Default for TrainConfig {
    fn default() -> Self {
        TrainConfig {
            optimizer: "sgd".into(),
            lr: 0.05,
            momentum: 0.9,
            nesterov: false,
            weight_decay: 0.0,
            beta1: 0.9,
            beta2: 0.999,
            eps: 1e-8,
            batch_size: 64,
            fanout: Vec::new(),
            epochs: 10,
            schedule: Schedule::Constant,
            clip_norm: 0.0,
            steps_per_submission: 8,
            objective_noise: 0.0,
            objective: None,
            checkpoint_steps: 0,
            dp: None,
        }
    }
}

impl TrainConfig {
    /// The update rule the table describes.
    ///
    /// # Errors
    /// An unknown optimiser, or a number outside its range; the sentence names the key.
    pub fn optimizer(&self) -> Result<Optimizer> {
        let (beta1, beta2, eps, weight_decay) = (self.beta1, self.beta2, self.eps, self.weight_decay);
        match self.optimizer.as_str() {
            "sgd" => Ok(Optimizer::Sgd { momentum: self.momentum, nesterov: self.nesterov, weight_decay }),
            "adam" => Ok(Optimizer::Adam { beta1, beta2, eps, weight_decay }),
            "adamw" => Ok(Optimizer::Adamw { beta1, beta2, eps, weight_decay }),
            other => Err(Error::input(format!("train.optimizer = `{other}` is unknown; use sgd, adam or adamw"))),
        }
    }

    /// Checks every number.
    pub fn check(&self) -> Result<()> {
        self.optimizer()?;
        self.objective.as_deref().map_or(Ok(()), |name| objective::find(name).map(drop))?;
        // Held to 32 bits, in which steps are computed: what is 0, 1 or infinite there is no longer what was meant.
        let unit = |v: f64| single(v) && (0.0..1.0).contains(&(v as f32));
        let positive = |v: f64| v > 0.0 && single(v);
        let not_negative = |v: f64| v >= 0.0 && single(v);
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
            ("nesterov", !self.nesterov || self.momentum > 0.0, "false where momentum is 0"),
        ];
        match rules.iter().find(|(_, good, _)| !good) {
            Some((key, _, want)) => Err(Error::input(format!("train.{key} must be {want}"))),
            None => self.dp.map_or(Ok(()), |dp| dp.check()),
        }
    }
}
