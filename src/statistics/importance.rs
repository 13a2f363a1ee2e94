//! How much each parameter matters to a set of records: values that carry their estimator, their set and their count.

use super::estimator::Estimator;
use super::labels::{LabelPass, each_label};
use super::{batch_mean_squares, fisher};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::engine::{Buf, Recording};
use crate::error::Result;
use crate::kernels::{map, reduce};
use crate::nn::Sink;
use crate::records::{Records, Session};

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
    /// of `set`: a text that loses a part is forgotten by that part's loss alone, and among all records it is two.
    /// `batch` serves [`Estimator::BatchMean`] only. Waits for the engine.
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
        // Of a text that loses a part that is the part alone; of all records its rest is one too.
        let cut: Vec<u32> = match set {
            Set::All => indices.iter().copied().filter(|record| session.loses_a_part(*record)).collect(),
            Set::Retain | Set::Forget => Vec::new(),
        };
        if !cut.is_empty() {
            let rest = session.vector("importance.rest")?;
            importance(session, Records::train(&cut), estimator, batch, rest)?;
            let both = (cut.len() + indices.len()) as f64;
            let [own, others] = [cut.len(), indices.len()].map(|n| (n as f64 / both) as f32);
            session.run(|rec| {
                map::axpby(rec, own, rest, others, values);
                Ok(())
            })?;
        }
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

/// [`Estimator::Model`]: `out = (1/N) Σ_n Σ_y p(y|x_n) (∂ log p(y|x_n))²`, the diagonal of the Fisher information,
/// which is that of the Gauss-Newton matrix. Clobbers `grad`.
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
