//! `unlearn gradients`: the statistics themselves, under the parameters' names.

use std::path::Path;

use super::folder::{Opened, RunFolder};
use crate::data::parse_indices;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::nn::ParamLayout;
use crate::train::{Records, Session, weights};

/// Which statistic. None contains weight decay; dropout is off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statistic {
    /// Gradient of the mean loss.
    Mean,
    /// The gradient of each record's own loss.
    PerSample,
    /// Mean of the squared per-sample gradients: the diagonal of the empirical Fisher information.
    Fisher,
}

impl Statistic {
    /// The estimator, as the file's metadata names it.
    pub fn estimator(self) -> &'static str {
        match self {
            Statistic::Mean => "mean",
            Statistic::PerSample => "per-sample",
            Statistic::Fisher => "fisher: mean of squared per-sample gradients (empirical, true labels)",
        }
    }
}

/// Values that one file of per-sample gradients may hold: beyond it the host would run out of memory first.
const MOST_VALUES: usize = 1 << 31;

/// A run and the records whose statistics are wanted.
pub struct GradientJob {
    run: Opened,
    theta: Vec<f32>,
    indices: Vec<u32>,
    /// What `--indices` said.
    set: String,
    statistic: Statistic,
}

impl GradientJob {
    /// Reads the run and the indices.
    ///
    /// # Errors
    /// No run, an unknown id, or more per-sample gradients than fit.
    pub fn read(run: &Path, indices: &str, statistic: Statistic) -> Result<GradientJob> {
        let run = RunFolder::new(run).open()?;
        if run.data.links().is_some() {
            return Err(Error::input(
                "gradients are of records with a loss of their own; the records of this run are links (data.task = \"link\")",
            ));
        }
        let set = indices.to_owned();
        let indices = parse_indices(indices, &run.data.train_ids())?;
        let values = indices.len().saturating_mul(run.model.layout.count());
        if statistic == Statistic::PerSample && values > MOST_VALUES {
            return Err(Error::input(format!(
                "--indices {set}: {} records of {} parameters are {values} values; at most {MOST_VALUES} go into one file",
                indices.len(),
                run.model.layout.count()
            )));
        }
        let theta = run.theta()?;
        Ok(GradientJob { run, theta, indices, set, statistic })
    }

    /// Computes the statistic and writes it; returns the number of records.
    ///
    /// # Errors
    /// A result that is not finite; the file cannot be written.
    pub fn write(&self, engine: &mut Engine, out: &Path) -> Result<usize> {
        let model = &self.run.model;
        let mut session = Session::of(engine, model, &self.run.data, None, &self.theta)?;
        let records = Records::train(&self.indices);
        let layout = &model.layout;
        let metadata = [
            ("format", "pt".to_owned()),
            ("estimator", self.statistic.estimator().to_owned()),
            ("count", self.indices.len().to_string()),
            ("set", format!("train {}", self.set)),
            ("model_sha256", self.run.model_sha256()?),
        ];
        match self.statistic {
            Statistic::Mean => {
                session.gradient(records, (1.0 / self.indices.len() as f64) as f32, false)?;
                let flat = session.engine.read(session.grad)?;
                finite(layout, &flat)?;
                weights::save(out, layout, &flat, &metadata)?;
            }
            Statistic::Fisher => {
                let squares = session.vector("fisher")?;
                session.fisher(records, squares)?;
                let flat = session.engine.read(squares)?;
                finite(layout, &flat)?;
                weights::save(out, layout, &flat, &metadata)?;
            }
            Statistic::PerSample => per_sample(&mut session, records, layout, out, &metadata)?,
        }
        Ok(self.indices.len())
    }
}

fn per_sample(
    session: &mut Session,
    records: Records,
    layout: &ParamLayout,
    out: &Path,
    metadata: &[(&str, String)],
) -> Result<()> {
    let total = layout.total();
    let mut columns: Vec<Vec<f32>> = layout.entries().iter().map(|_| Vec::new()).collect();
    session.per_sample(records, |_, rows| {
        for row in rows.chunks_exact(total) {
            finite(layout, row)?;
            for (column, e) in columns.iter_mut().zip(layout.entries()) {
                column.extend_from_slice(&row[e.offset..e.offset + e.len]);
            }
        }
        Ok(())
    })?;
    let tensors: Vec<_> = layout
        .entries()
        .iter()
        .zip(&columns)
        .map(|(e, column)| {
            let shape = std::iter::once(records.indices.len()).chain(e.shape.iter().copied()).collect();
            (e.name.clone(), shape, column.as_slice())
        })
        .collect();
    weights::save_tensors(out, &tensors, metadata)
}

fn finite(layout: &ParamLayout, flat: &[f32]) -> Result<()> {
    for e in layout.entries() {
        if let Some(bad) = flat[e.offset..e.offset + e.len].iter().find(|v| !v.is_finite()) {
            return Err(Error::CheckFailed(format!("the gradient of `{}` holds {bad}: the model diverged", e.name)));
        }
    }
    Ok(())
}
