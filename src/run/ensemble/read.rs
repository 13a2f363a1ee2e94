//! What an ensemble says: its members read one after another on all records, each as its own fit has them.

use std::path::Path;

use super::{members_of, view};
use crate::data::{FitOn, Portion};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::eval::Evaluation;
use crate::run::config::{Aggregate, Loaded};
use crate::run::folder::Opened;
use crate::run::reading::{self, Reading};
use crate::run::target::Target;
use crate::train::weights;

/// What an ensemble says of the records of each part, [records, classes] each: logarithms of probabilities. `test` is
/// a table in the place of the test part.
///
/// # Errors
/// A member that is gone or another; a lost device.
pub fn logits(
    engine: &mut Engine,
    target: Option<&Target>,
    top: &Opened,
    test: Option<&Path>,
    portions: &[Portion],
) -> Result<Vec<Vec<f32>>> {
    let how = top.config.ensemble.as_ref().map(|ensemble| ensemble.aggregate).unwrap_or_default();
    let members = members_of(top)?;
    let classes = top.data.classes;
    let mut sums: Vec<Vec<f64>> = Vec::new();
    let mut whole = 0.0;
    for ((folder, info), known) in members.iter().zip(top.info.ensemble.iter().flat_map(|e| &e.members)) {
        folder.check(info)?;
        let mut loaded = Loaded::read(&folder.config(), &[], None)?;
        if let Some(file) = test {
            loaded.config.data.test_path = Some(std::path::absolute(file).map_err(Error::io("read", file))?);
        }
        let data = view(&loaded.config, &info.data.fitted, &top.absent)?;
        let model = loaded.model(&data, FitOn::Kept(&info.data.fitted))?;
        let theta = weights::load(&folder.model(), &model.layout)?;
        let reading = Reading { theta: &theta, model: &model, data: &data, forgot: top.info.forget.is_some() };
        let said = reading::logits(engine, target, &reading, portions)?;
        let weight = if how == Aggregate::Weighted { known.records as f64 } else { 1.0 };
        whole += weight;
        sums.resize_with(said.len(), Vec::new);
        for (sum, said) in sums.iter_mut().zip(&said) {
            sum.resize(said.len(), 0.0);
            let rows = sum.chunks_exact_mut(classes).zip(said.chunks_exact(classes));
            rows.for_each(|(sum, row)| add(how, weight, row, sum));
        }
    }
    if how == Aggregate::Vote {
        // One more vote, spread over all classes, so that none has probability 0.
        sums.iter_mut().flatten().for_each(|votes| *votes += 1.0 / classes as f64);
        whole += 1.0;
    }
    let log = |sum: f64| (sum / whole).max(f64::from(f32::MIN_POSITIVE)).ln() as f32;
    Ok(sums.into_iter().map(|sum| sum.into_iter().map(log).collect()).collect())
}

/// Adds what a member says of a record.
fn add(how: Aggregate, weight: f64, row: &[f32], sum: &mut [f64]) {
    let top = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    if how == Aggregate::Vote {
        let first = row.iter().position(|v| *v == top).unwrap_or(0);
        sum[first] += 1.0;
        return;
    }
    let each = || row.iter().map(|v| f64::from(*v - top).exp());
    let all: f64 = each().sum();
    sum.iter_mut().zip(each()).for_each(|(sum, e)| *sum += weight * e / all);
}

/// Scores an ensemble on every split.
///
/// # Errors
/// As [`logits`].
pub fn evaluate(engine: &mut Engine, target: Option<&Target>, top: &Opened) -> Result<Evaluation> {
    let said = logits(engine, target, top, None, &Portion::ALL)?;
    reading::evaluation(&top.data, &top.model, target, said)
}
