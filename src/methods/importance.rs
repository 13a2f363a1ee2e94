//! How much each parameter matters to a set of records. Four different things are called "the Fisher" in public code
//! and they differ by orders of magnitude, so a value here carries its estimator, its set and its count.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::engine::{Buf, Recording};
use crate::error::Result;
use crate::kernels::reduce;
use crate::train::{Records, Session};

/// What is averaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Estimator {
    /// (1/N) Σ g_n²: the diagonal of the empirical Fisher matrix, exact per sample, true labels.
    PerSample,
    /// (1/N) Σ_n Σ_y p(y|x_n) g_n,y²: the diagonal of the Fisher information matrix proper, the labels drawn from the
    /// model. Does not vanish where the model fits every record, and costs a backward pass per class.
    Model,
    /// The mean over batches of the squared batch-mean gradient, as SSD's public code computes it. Depends on the batch
    /// size; for independent records about 1/batch of the other.
    BatchMean,
}

/// Which records it was taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Set {
    Retain,
    Forget,
    /// All training records, those to forget included.
    All,
}

/// One non-negative number per parameter, zeros between tensors.
#[derive(Clone, Copy, Debug)]
pub struct Importance {
    /// In the parameters' layout, on the engine.
    pub values: Buf<f32>,
    pub estimator: Estimator,
    /// Records per batch, where the estimator depends on it.
    pub batch: Option<usize>,
    pub set: Set,
    pub count: usize,
}

/// Records per batch where a method does not say: that of SSD's public code.
const BATCH: usize = 128;

impl Importance {
    /// Measures at the session's parameters, dropout off, into the session's vector `name`. `indices` are the records
    /// of `set`; `batch` serves [`Estimator::BatchMean`] only. Waits for the engine.
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
        match estimator {
            Estimator::PerSample => session.fisher(records, values)?,
            Estimator::Model => session.model_fisher(records, values)?,
            Estimator::BatchMean => session.batch_mean_squares(records, batch, values)?,
        }
        let batch = (estimator == Estimator::BatchMean).then_some(batch);
        Ok(Importance { values, estimator, batch, set, count: indices.len() })
    }

    /// That of retained records, per sample. Sums of squares are additive: what was kept from training over all
    /// records, less the forgotten ones' part, is the same; so it counts as precomputed.
    pub(super) fn of_retained(session: &mut Session, retain: &[u32], estimator: Estimator) -> Result<Importance> {
        Importance::measure(session, "fisher.retain", Set::Retain, retain, estimator, BATCH)
    }

    /// Records its mean over the real parameters, of which there are `parameters`, into one element.
    pub fn record_mean(&self, rec: &mut Recording, parameters: usize, mean: Buf<f32>) {
        // The zeros between tensors add nothing to the sum.
        reduce::total(rec, self.values, mean, (1.0 / parameters.max(1) as f64) as f32, false);
    }

    /// For a method's details.
    pub fn describe(&self) -> serde_json::Value {
        let mut said = json!({ "estimator": self.estimator, "set": self.set, "count": self.count });
        if let Some(batch) = self.batch {
            said["batch"] = batch.into();
        }
        said
    }
}
