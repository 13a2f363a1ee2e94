//! Relearning: a memory that was only hidden comes back when the network is trained on, even on records that have
//! nothing to do with it (Siddiqui et al. 2025, "From Dormant to Deleted"); a retrain has none to come back.

use super::Subjects;
use super::attack::Attacker;
use super::many::{Pupil, Recipe};
use super::models::Trained;
use super::roster::Roster;
use crate::base::splitmix::SplitMix64;
use crate::engine::Engine;
use crate::error::Result;
use crate::eval::Aspect;
use crate::eval::attacks::{Probe, Side, Success};
use crate::run::reading::over_all_classes;
use crate::train::{Schedule, TrainConfig};

/// A way of training on.
struct Way<'a> {
    name: &'static str,
    what: &'static str,
    config: TrainConfig,
    records: &'a [u32],
    /// Forgotten records that it trains on.
    shown: &'a [u32],
}

/// A tenth of the recipe's epochs, within these.
pub(super) const EPOCHS: [usize; 2] = [1, 5];
/// Epochs on a few forgotten records, which are few steps.
pub(super) const ON_FEW: usize = 5;
/// The fewest of those.
pub(super) const FEW: usize = 5;

/// Why it cannot be measured; none where it can.
pub(super) fn suits(subjects: &Subjects) -> Option<String> {
    let (run, original) = (&subjects.run, &subjects.original);
    let same = run.model.layout.whole() == original.model.layout.whole() && run.data.fitted() == original.data.fitted();
    (!same).then(|| "the run's network is given other numbers, or has other outputs, than the original's".to_owned())
}

/// The recipe at its own rate for so many further epochs.
pub(super) fn constant(recipe: &TrainConfig, epochs: usize) -> TrainConfig {
    TrainConfig {
        epochs,
        schedule: Schedule::Constant,
        warmup_steps: 0,
        warmup_epochs: 0.0,
        one_cycle: None,
        early_stopping: None,
        ema: 0.0,
        ..recipe.clone()
    }
}

/// Trains the run, the original and every retrain on, and attacks them again.
///
/// # Errors
/// A loss that is not finite; a lost device.
pub(super) fn relearn(
    engine: &mut Engine,
    subjects: &Subjects,
    (roster, attacker): (&Roster, &Attacker),
    trained: &Trained,
) -> Result<Vec<Probe>> {
    let recipe = &subjects.original.config.train;
    let mut random = SplitMix64::new(0x4e1e_a4e5);
    let mut some = |mut all: Vec<u32>, most: usize| {
        random.shuffle(&mut all);
        all.truncate(most);
        all
    };
    let forget = roster.forget();
    let shown = some(forget.to_vec(), (forget.len() / 10).max(FEW).min(forget.len() / 2));
    // Beside as many that are known, so that the network does not turn to them alone.
    let with_few = [shown.clone(), some(roster.retained.clone(), shown.len().max(recipe.batch_size))].concat();
    let ways = [
        Way {
            name: "relearning on retained records",
            what: roster.words([
                "AUC of LiRA after training on the retained records",
                "AUC of the edge attack after training on",
            ]),
            config: constant(recipe, (recipe.epochs / 10).clamp(EPOCHS[0], EPOCHS[1])),
            records: &roster.retained,
            shown: &[],
        },
        Way {
            name: "relearning on a few forgotten records",
            what: "AUC of LiRA on the other forgotten records after training on a few",
            config: constant(recipe, ON_FEW),
            records: &with_few,
            shown: &shown,
        },
    ];
    // Of records that stay, the network is shown none anew.
    let worth = |way: &&Way| way.shown.is_empty() || roster.leaves() && way.shown.len() < forget.len();
    let mut probes = Vec::new();
    for way in ways.iter().filter(worth) {
        probes.extend(probe(engine, subjects, (roster, attacker), trained, way)?);
    }
    Ok(probes)
}

/// The attack on each model once it was trained on; the last retrain is held out.
fn probe(
    engine: &mut Engine,
    subjects: &Subjects,
    (roster, attacker): (&Roster, &Attacker),
    trained: &Trained,
    way: &Way,
) -> Result<Option<Probe>> {
    let original = &subjects.original;
    // Nodes that it is shown again are on the whole graph.
    let deletion = subjects.target.deletion().filter(|_| way.shown.is_empty());
    let recipe = Recipe { deletion, config: &way.config, ..Recipe::of(subjects, roster, &trained.pool) };
    let starts = [subjects.run.theta()?, original.theta()?];
    let seed = original.config.seed;
    let pupil = |start| Pupil { records: way.records.to_vec(), seed, start: Some(start) };
    let pupils: Vec<Pupil> = starts.iter().chain(&trained.thetas).map(|start| pupil(start)).collect();
    let thetas = recipe.train(engine, &pupils)?;
    let each: Vec<&[f32]> = thetas.iter().map(Vec::as_slice).collect();
    let hidden: Vec<bool> = roster.forget().iter().map(|at| !way.shown.contains(at)).collect();
    let auc = |logits: Vec<f32>| {
        let said = roster.said(&original.data, &over_all_classes(&original.data, logits))?;
        let [forget, held] = attacker.strongest(&said)?;
        let rest: Vec<f64> = match way.shown {
            [] => forget,
            _ => forget.into_iter().zip(&hidden).filter(|(_, hidden)| **hidden).map(|(s, _)| s).collect(),
        };
        Ok(Success::of(&rest, &held)?.map_or(f64::NAN, |found| found.auc))
    };
    let logits = recipe.read(engine, &each, &roster.asked)?;
    let mut all = logits.into_iter().map(auc).collect::<Result<Vec<f64>>>()?;
    let mut retrains = all.split_off(2);
    Ok(all[0].is_finite().then_some(Probe {
        name: way.name,
        what: way.what,
        aspect: Aspect::Forgetting,
        side: Side::Above,
        run: all[0],
        original: Some(all[1]),
        held_out: retrains.pop().into_iter().collect(),
        retrains,
        finest: 0.5 / hidden.len() as f64,
    }))
}
