//! How much each parameter matters to a set of records. Five different things are called "the Fisher" in public code
//! and they differ by orders of magnitude, so a value here carries its estimator, its set and its count.

use super::labels::{LabelPass, each_label};
use super::{batch_mean_squares, fisher};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::engine::{Buf, Recording};
use crate::error::{Error, Result};
use crate::kernels::{loss, map, reduce};
use crate::nn::Sink;
use crate::records::objective::{Objective, needs_softmax};
use crate::records::{Records, Session};

/// What is averaged. g_n is the gradient of record n's own loss, g_ny that of −log p(y | x_n).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Estimator {
    /// (1/N) Σ g_n²: the diagonal of the empirical Fisher matrix, exact per sample, true labels.
    PerSample,
    /// (1/N) Σ_n Σ_y p(y|x_n) g_ny²: the diagonal of the Fisher information matrix proper, the expectation over the model's
    /// own labels taken exactly. For softmax and cross-entropy this matrix is the Gauss-Newton matrix (Martens, JMLR 2020,
    /// section 9.2), so this is the Gauss-Newton diagonal too. Does not vanish where the model fits every record, and costs
    /// a backward pass per class.
    Model,
    /// (1/(N S)) Σ_n Σ_s g_{n,y(n,s)}² with S labels y(n,s) drawn from p(·|x_n): unbiased for [`Estimator::Model`], a backward
    /// pass per draw. A draw is a pure function of (seed, record, s).
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
                "Fisher information = Gauss-Newton: exact expectation over the model's labels, one backward pass per class"
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
            Estimator::ModelSampled { samples: 0, .. } => {
                Err(Error::input("estimator model_sampled: `samples` is 0; draw 1 or more labels per record"))
            }
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

    /// Records the logit gradients [records, classes] of one of the [`Estimator::passes`]: outer products of what it becomes
    /// sum to the expectation.
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

/// Which records it was taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Set {
    /// The retained training records.
    Retain,
    /// The forgotten training records.
    Forget,
    /// All training records, those to forget included.
    All,
}

/// One non-negative number per parameter, zeros between tensors.
#[derive(Clone, Copy, Debug)]
pub struct Importance {
    /// In the parameters' layout, on the engine.
    pub values: Buf<f32>,
    /// Which Fisher information it is.
    pub estimator: Estimator,
    /// Records per batch, where the estimator depends on it.
    pub batch: Option<usize>,
    /// Over which records.
    pub set: Set,
    /// How many records it is a mean of.
    pub count: usize,
}

/// Records per batch where a method does not say: that of SSD's public code.
const BATCH: usize = 128;

impl Importance {
    /// Measures at the session's parameters, dropout off, into the session's vector `name`. `indices` are the records
    /// of `set`; `batch` serves [`Estimator::BatchMean`] only. Waits for the engine.
    ///
    /// # Errors
    /// An estimator without samples; a record that does not exist or has no class.
    pub fn measure(
        session: &mut Session,
        name: &'static str,
        set: Set,
        indices: &[u32],
        estimator: Estimator,
        batch: usize,
    ) -> Result<Importance> {
        let values = session.vector(name)?;
        // What was forgotten is looked at where it still was.
        let records = if set == Set::Retain { Records::train(indices) } else { Records::before(indices) };
        importance(session, records, estimator, batch, values)?;
        let batch = (estimator == Estimator::BatchMean).then_some(batch);
        Ok(Importance { values, estimator, batch, set, count: indices.len() })
    }

    /// That of retained records. Sums of squares are additive: what was kept from training over all
    /// records, less the forgotten ones' part, is the same; so it counts as precomputed.
    pub fn of_retained(session: &mut Session, retain: &[u32], estimator: Estimator) -> Result<Importance> {
        Importance::measure(session, "fisher.retain", Set::Retain, retain, estimator, BATCH)
    }

    /// Records its mean over the real parameters, of which there are `parameters`, into one element.
    pub fn record_mean(&self, rec: &mut Recording, parameters: usize, mean: Buf<f32>) {
        // The zeros between tensors add nothing to the sum.
        reduce::total(rec, self.values, mean, (1.0 / parameters.max(1) as f64) as f32, false);
    }

    /// For a method's details.
    pub fn describe(&self) -> Value {
        let mut said = self.estimator.describe();
        said["set"] = json!(self.set);
        said["count"] = self.count.into();
        if let Some(batch) = self.batch {
            said["batch"] = batch.into();
        }
        said
    }
}

/// `out` = what `estimator` says, over `records`, dropout off. `batch` serves [`Estimator::BatchMean`] only. Clobbers
/// `grad`.
///
/// # Errors
/// An estimator without samples; a record that does not exist or has no class.
pub fn importance(
    session: &mut Session,
    records: Records,
    estimator: Estimator,
    batch: usize,
    out: Buf<f32>,
) -> Result<()> {
    estimator.check()?;
    match estimator {
        Estimator::PerSample => fisher(session, records, out),
        Estimator::Model => model_fisher(session, records, out),
        Estimator::ModelSampled { samples, seed } => sampled_fisher(session, records, samples, seed, out),
        Estimator::BatchMean => batch_mean_squares(session, records, batch, out),
    }
}

/// [`Estimator::Model`]: `out = (1/N) Σ_n Σ_y p(y|x_n) (∂ log p(y|x_n))²`, the diagonal of the Fisher information, which is
/// that of the Gauss-Newton matrix. Clobbers `grad`.
pub fn model_fisher(session: &mut Session, records: Records, out: Buf<f32>) -> Result<()> {
    expected_squares(session, records, Estimator::Model, out)
}

/// [`Estimator::ModelSampled`]: `out = (1/(N S)) Σ_n Σ_s g_{n,y(n,s)}²`, S = `samples`. Clobbers `grad`.
pub fn sampled_fisher(session: &mut Session, records: Records, samples: u32, seed: u64, out: Buf<f32>) -> Result<()> {
    expected_squares(session, records, Estimator::ModelSampled { samples, seed }, out)
}

/// Squares under the model's own labels, exact per record.
fn expected_squares(session: &mut Session, records: Records, how: Estimator, out: Buf<f32>) -> Result<()> {
    how.suits(session.objective())?;
    session.check_records(records, true)?;
    let squares = session.grad;
    let square_sum = |_: &mut Recording, pass: LabelPass| Sink::SquareSum { squares, accumulate: !pass.first };
    let weight = each_label(session, records, how, square_sum)?;
    let mean = (weight / records.indices.len().max(1) as f64) as f32;
    session.run(|rec| {
        map::axpby(rec, mean, squares, 0.0, out);
        Ok(())
    })?;
    Ok(())
}
