//! The `[train]` table.

mod checked;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::coupled::CoupledConfig;
use super::optimizer::Optimizer;
use super::order::Order;
use super::private::DpConfig;
use super::schedule::{OneCycle, Schedule};
use super::slices::{DeltasConfig, Keep, Slices};
use super::stopping::EarlyStopping;
use crate::error::{Error, Result};
use crate::records::Augment;
use crate::records::objective::{Aim, ClassWeights};

/// More than this is taken for a slip: the steps of so many epochs can still be counted.
const MOST_EPOCHS: usize = 1_000_000;

/// Every setting of a training run; absent keys take these defaults and are written back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct TrainConfig {
    /// `sgd`, `adam` or `adamw`.
    pub optimizer: String,
    /// Learning rate at the start, behind the warm-up; the highest one where `schedule` is `one_cycle`.
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
    /// Steps in which the learning rate rises evenly, (t + 1) / (n + 1) of `lr` at step t of n, before the schedule
    /// begins over the steps that are left: PyTorch's `LinearLR(start_factor=1/(n+1), total_iters=n)` in a
    /// `SequentialLR`.
    #[cfg_attr(feature = "cli", schemars(extend("default" = 0, "unit" = "steps")))]
    #[serde(skip_serializing_if = "is_default")]
    pub warmup_steps: u64,
    /// The same in epochs, in place of `warmup_steps`.
    #[cfg_attr(feature = "cli", schemars(extend("default" = 0, "minimum" = 0, "unit" = "epochs")))]
    #[serde(skip_serializing_if = "is_default")]
    pub warmup_epochs: f64,
    /// `step`: after so many epochs of the training the learning rate is multiplied by `gamma`, once for each entry;
    /// empty: after 1/2 and 3/4 of them.
    #[cfg_attr(feature = "cli", schemars(inner(range(min = 0)), extend("unit" = "epochs")))]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub milestones: Vec<f64>,
    /// `step`: factor on the learning rate at each milestone.
    #[cfg_attr(feature = "cli", schemars(extend("default" = 0.1, "exclusiveMinimum" = 0)))]
    #[serde(skip_serializing_if = "is_tenth")]
    pub gamma: f64,
    /// `one_cycle`: the shape of the cycle.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub one_cycle: Option<OneCycle>,
    /// Batches whose gradients make one step: as a batch of so many times `batch_size` records, in the memory of one
    /// (`batch_norm` normalises each by itself).
    #[cfg_attr(feature = "cli", schemars(extend("default" = 1, "minimum" = 1, "maximum" = 4096, "unit" = "batches")))]
    #[serde(skip_serializing_if = "is_one")]
    pub accumulate: usize,
    /// Decay of the weights' exponential moving average, which begins at the weights that training begins with and is
    /// what the run ends with and is validated by; 0 for none.
    #[cfg_attr(feature = "cli", schemars(extend("default" = 0, "minimum" = 0, "exclusiveMaximum" = 1)))]
    #[serde(skip_serializing_if = "is_default")]
    pub ema: f64,
    /// Training ends when the validation part says that it gets no better, with the weights that were best.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub early_stopping: Option<EarlyStopping>,
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
    /// What training begins with instead of fresh weights: the folder of a run, or a file of weights; another name of
    /// the key `init`, under which a run's configuration has it. A retrain begins with it too: what it knows is not
    /// forgotten.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<PathBuf>,
    /// The last layer is drawn by `seed` and not taken from `base`, which may be for other classes.
    #[serde(skip_serializing_if = "is_default")]
    pub new_head: bool,
    /// Parameters that keep their bits in this training and in every one that goes by its recipe: names of parameters
    /// or of layers (what stands before a dot), `*` for any letters. Running statistics of a `batch_norm` follow all
    /// the same, unless the layer is `frozen`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub freeze: Vec<String>,
    /// How pictures are changed in each step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub augment: Option<Augment>,
    /// Share of each label that is spread evenly over all classes, as in PyTorch's `CrossEntropyLoss`.
    #[cfg_attr(feature = "cli", schemars(extend("default" = 0, "minimum" = 0, "exclusiveMaximum" = 1)))]
    #[serde(skip_serializing_if = "is_default")]
    pub label_smoothing: f64,
    /// `balanced`, or a weight for each class. A step's mean divides by the sum of its records' weights, as PyTorch's
    /// does; statistics and single records have each its own weighted loss.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class_weights: Option<ClassWeights>,
    /// `huber`: distance from the target at which the loss turns from squares to lines, on the scale that is trained
    /// on.
    #[cfg_attr(feature = "cli", schemars(extend("default" = 1, "exclusiveMinimum" = 0)))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub huber_delta: Option<f64>,
    /// A checkpoint is written after so many steps, besides the one at the end of each epoch; 0 for none.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "steps")))]
    pub checkpoint_steps: u64,
    /// How the records of an epoch are put in order.
    #[serde(skip_serializing_if = "is_default")]
    pub order: Order,
    /// Training in stages, each on one slice of the records more: what `sisa` goes back to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slices: Option<Slices>,
    /// Checkpoints that stay in the folder: what `replay` goes back to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep: Option<Keep>,
    /// What steps added, kept: what `amnesiac` takes off again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deltas: Option<DeltasConfig>,
    /// Differentially private steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dp: Option<DpConfig>,
    /// Steps whose trace an exact unlearning can couple.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coupled: Option<CoupledConfig>,
}

/// A key that is as if it were not there is not written, so that recipes keep their hash when keys are added.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn is_tenth(gamma: &f64) -> bool {
    *gamma == 0.1
}

fn is_one(count: &usize) -> bool {
    *count == 1
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
            warmup_steps: 0,
            warmup_epochs: 0.0,
            milestones: Vec::new(),
            gamma: 0.1,
            one_cycle: None,
            accumulate: 1,
            ema: 0.0,
            early_stopping: None,
            clip_norm: 0.0,
            steps_per_submission: 8,
            objective_noise: 0.0,
            objective: None,
            base: None,
            new_head: false,
            freeze: Vec::new(),
            augment: None,
            label_smoothing: 0.0,
            class_weights: None,
            huber_delta: None,
            checkpoint_steps: 0,
            order: Order::Shuffled,
            slices: None,
            keep: None,
            deltas: None,
            dp: None,
            coupled: None,
        }
    }
}

impl From<&TrainConfig> for Aim {
    fn from(config: &TrainConfig) -> Aim {
        let TrainConfig { objective, label_smoothing, class_weights, huber_delta, .. } = config.clone();
        Aim { objective, label_smoothing, class_weights, huber_delta }
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

    /// Records of an update, all micro-batches together.
    pub fn step_records(&self) -> usize {
        self.batch_size.saturating_mul(self.accumulate)
    }

    /// The recipe as a method continues by it that has a learning rate, a schedule and epochs of its own: what belongs
    /// to the course of the whole training (warm-up, milestones, the weights' average, early stopping) is not in it,
    /// and what forgets by its data again keeps no promise of privacy.
    pub fn without_course(&self) -> TrainConfig {
        let TrainConfig {
            warmup_steps,
            warmup_epochs,
            milestones,
            gamma,
            one_cycle,
            ema,
            early_stopping,
            dp,
            coupled,
            slices,
            keep,
            deltas,
            ..
        } = TrainConfig::default();
        TrainConfig {
            warmup_steps,
            warmup_epochs,
            milestones,
            gamma,
            one_cycle,
            ema,
            early_stopping,
            dp,
            coupled,
            slices,
            keep,
            deltas,
            ..self.clone()
        }
    }
}
