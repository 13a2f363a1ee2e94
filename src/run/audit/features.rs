//! What the layer below the last makes of the records: a head that no longer names them hides nothing from a probe of
//! its features.

use super::Subjects;
use super::many::{Recipe, read};
use super::models::Trained;
use super::roster::Roster;
use crate::engine::Engine;
use crate::error::Result;
use crate::eval::Aspect;
use crate::eval::attacks::{Probe, Side, linear_probe};
use crate::nn::Model;
use crate::run::folder::Opened;

/// Most rows of either group, and features of a row, that the probe is fitted on.
const MOST: usize = 500;

/// Why there is none; nothing where it can be measured.
pub(super) fn suits(subjects: &Subjects, roster: &Roster) -> Option<String> {
    if !roster.leaves() {
        return Some("the records stay, and only edges or features of them went".into());
    }
    match subjects.original.model.trunk() {
        None => Some("nothing but the last layer has parameters, or it reads no vector".into()),
        Some(trunk) if trunk.classes > MOST => {
            Some(format!("the last layer reads {} features, and the probe takes {MOST} at most", trunk.classes))
        }
        Some(_) => None,
    }
}

/// The probe on each model; the last retrain is held out. Where whole classes go, it tells their records from retained
/// ones, else the forgotten records from those that no audited model had.
///
/// # Errors
/// Features that are not finite; a lost device.
pub(super) fn probe(
    engine: &mut Engine,
    subjects: &Subjects,
    roster: &Roster,
    trained: &Trained,
) -> Result<Option<Probe>> {
    let original = &subjects.original;
    let Some(trunk) = original.model.trunk() else { return Ok(None) };
    let forget = roster.forget();
    let others = if subjects.target.classes.is_empty() { roster.held() } else { roster.retain() };
    let (forget, others) = (&forget[..forget.len().min(MOST)], &others[..others.len().min(MOST)]);
    let asked = [forget, others].concat();
    let auc = |width: usize, features: &[f32]| {
        let (first, others) = features.split_at(forget.len() * width);
        Ok(linear_probe(first, others, width)?.unwrap_or(f64::NAN))
    };
    let mut of = |run: &Opened| match part(&run.model, &run.theta()?) {
        None => Ok(f64::NAN),
        Some((trunk, theta)) => auc(trunk.classes, &read(engine, (run, &trunk), None, &theta, &asked)?),
    };
    let (run, before) = (of(&subjects.run)?, of(original)?);
    let thetas: Vec<Vec<f32>> =
        trained.thetas.iter().filter_map(|theta| trunk.taken_from(&original.model, theta)).collect();
    let each: Vec<&[f32]> = thetas.iter().map(Vec::as_slice).collect();
    let recipe = Recipe { model: &trunk, ..Recipe::of(subjects, roster, &trained.pool) };
    let features = recipe.read(engine, &each, &asked)?;
    let mut retrains = features.iter().map(|of| auc(trunk.classes, of)).collect::<Result<Vec<f64>>>()?;
    if run.is_nan() || before.is_nan() || retrains.iter().any(|auc| auc.is_nan()) {
        return Ok(None);
    }
    Ok(Some(Probe {
        name: "linear probe",
        what: "AUC of a linear probe on the last layer's features",
        aspect: Aspect::Forgetting,
        side: Side::Either,
        run,
        original: Some(before),
        held_out: retrains.pop().into_iter().collect(),
        retrains,
        finest: 0.5 / forget.len() as f64,
    }))
}

fn part(model: &Model, theta: &[f32]) -> Option<(Model, Vec<f32>)> {
    let trunk = model.trunk()?;
    let own = trunk.taken_from(model, theta)?;
    Some((trunk, own))
}
