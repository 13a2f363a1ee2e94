//! Which "Fisher" a value is: five different things go by that name in public code, and they differ by orders of
//! magnitude.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::engine::{Buf, Recording};
use crate::error::{Error, Result};
use crate::kernels::loss;
use crate::records::objective::{Objective, needs_softmax};

/// What is averaged. g_n is the gradient of record n's own loss, g_ny that of −log p(y | x_n).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Estimator {
    /// (1/N) Σ g_n²: the diagonal of the empirical Fisher matrix, exact per sample, true labels.
    PerSample,
    /// (1/N) Σ_n Σ_y p(y|x_n) g_ny²: the diagonal of the Fisher information matrix proper, the expectation over the
    /// model's own labels taken exactly. For softmax and cross-entropy this matrix is the Gauss-Newton matrix (Martens,
    /// JMLR 2020, section 9.2), so this is the Gauss-Newton diagonal too. Does not vanish where the model fits every
    /// record, and costs a backward pass per class.
    Model,
    /// (1/(N S)) Σ_n Σ_s g_{n,y(n,s)}² with S labels y(n,s) drawn from p(·|x_n): unbiased for [`Estimator::Model`], a
    /// backward pass per draw. A draw is a pure function of (seed, record, s).
    ModelSampled {
        /// S; 1 or more.
        #[serde(default = "one")]
        samples: u32,
        /// Draws the labels.
        #[serde(default)]
        seed: u64,
    },
    /// The mean over batches of the squared batch-mean gradient, as SSD's public code computes it. Depends on the batch
    /// size; for independent records about 1/batch of the first.
    BatchMean,
}

fn one() -> u32 {
    1
}

impl Estimator {
    /// What configurations, accounts and files call it.
    pub fn name(self) -> &'static str {
        match self {
            Estimator::PerSample => "per_sample",
            Estimator::Model => "model",
            Estimator::ModelSampled { .. } => "model_sampled",
            Estimator::BatchMean => "batch_mean",
        }
    }

    /// The formula in words, for files whose readers do not have this one.
    pub fn meaning(self) -> &'static str {
        match self {
            Estimator::PerSample => "empirical Fisher: mean of squared per-sample gradients, true labels",
            Estimator::Model => {
                "Fisher information = Gauss-Newton: exact expectation over the model's labels, one backward pass per \
                    class"
            }
            Estimator::ModelSampled { .. } => {
                "Fisher information = Gauss-Newton, Monte Carlo: labels drawn from the model"
            }
            Estimator::BatchMean => "squared batch-mean gradients, averaged over batches: not the Fisher",
        }
    }

    /// # Errors
    /// No sample at all.
    pub fn check(self) -> Result<()> {
        match self {
            Estimator::ModelSampled { samples, .. } if !(1..=1_000_000).contains(&samples) => Err(Error::input(
                format!("estimator model_sampled: `samples` is {samples}; draw 1 to 1000000 labels per record"),
            )),
            _ => Ok(()),
        }
    }

    /// # Errors
    /// Labels of the model's own where its outputs are no softmax.
    pub(crate) fn suits(self, objective: &Objective) -> Result<()> {
        match self {
            Estimator::Model | Estimator::ModelSampled { .. } => {
                needs_softmax(objective, &format!("the estimator `{}`", self.name()))
            }
            Estimator::PerSample | Estimator::BatchMean => Ok(()),
        }
    }

    /// Backward passes of an expectation over the model's labels, and the weight of what each gives.
    pub(crate) fn passes(self, classes: usize) -> (u32, f64) {
        match self {
            Estimator::ModelSampled { samples, .. } => (samples, 1.0 / f64::from(samples.max(1))),
            _ => (classes as u32, 1.0),
        }
    }

    /// Records the logit gradients [records, classes] of one of the [`Estimator::passes`]: outer products of what it
    /// becomes sum to the expectation.
    pub(crate) fn record_pass(
        self,
        rec: &mut Recording,
        pass: u32,
        logits: Buf<f32>,
        ids: Buf<u32>,
        classes: usize,
    ) -> Buf<f32> {
        let dlogits = rec.temp("dlogits", logits.len);
        match self {
            Estimator::ModelSampled { seed, .. } => loss::sampled_score(rec, logits, ids, dlogits, classes, seed, pass),
            _ => loss::label_score(rec, logits, dlogits, classes, pass as usize),
        }
        dlogits
    }

    /// For a method's details and for files: the name, and the draws where there are any.
    pub fn describe(self) -> Value {
        let mut said = json!({ "estimator": self.name() });
        if let Estimator::ModelSampled { samples, seed } = self {
            said["samples"] = samples.into();
            said["seed"] = seed.into();
        }
        said
    }
}
