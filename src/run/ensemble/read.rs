//! What an ensemble says: its members read one after another on all records, each as its own fit has them.

use std::path::Path;

use super::aggregate::Sum;
use super::asked::Asked;
use super::{aggregator, members_of, view};
use crate::data::Portion;
use crate::engine::Engine;
use crate::error::Result;
use crate::eval::Evaluation;
use crate::run::config::Aggregate;
use crate::run::folder::Opened;
use crate::run::reading::{self, Reading};
use crate::run::target::Target;

/// What all members together say of lists of records that `ask` makes each of them say.
fn together(
    top: &Opened,
    test: Option<&Path>,
    mut ask: impl FnMut(&Reading) -> Result<Vec<Vec<f32>>>,
) -> Result<Vec<Vec<f32>>> {
    let how = top.config.ensemble.as_ref().map(|ensemble| ensemble.aggregate).unwrap_or_default();
    let learned = if how == Aggregate::Learned { aggregator::load(&top.folder)? } else { Vec::new() };
    let mut sum = Sum::new(how, top.data.classes);
    let known = top.info.ensemble.iter().flat_map(|e| &e.members);
    for (at, ((folder, info), known)) in members_of(top)?.iter().zip(known).enumerate() {
        let member = Asked::of(folder, info, test, |loaded| view(&loaded.config, &info.data.fitted, &top.absent))?;
        let weight = match how {
            Aggregate::Weighted => known.records as f64,
            Aggregate::Learned => learned.get(at).copied().map_or(0.0, f64::from),
            Aggregate::Vote | Aggregate::Mean => 1.0,
        };
        sum.add(weight, &ask(&member.reading(top.info.forget.is_some()))?);
    }
    Ok(sum.logits())
}

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
    together(top, test, |member| reading::logits(engine, target, member, portions))
}

/// Scores an ensemble on every split.
///
/// # Errors
/// As [`logits`].
pub fn evaluate(engine: &mut Engine, target: Option<&Target>, top: &Opened) -> Result<Evaluation> {
    let said = together(top, None, |member| reading::tables(engine, target, member))?;
    reading::evaluation(&top.data, &top.model, target, said)
}
