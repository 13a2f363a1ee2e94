//! Relearning: a memory that was only hidden comes back when the network is trained on, even on records that have
//! nothing to do with it (Siddiqui et al. 2025, "From Dormant to Deleted"); a retrain has none to come back.

use super::Subjects;
use super::attack::confidence;
use super::many::{Pupil, Recipe};
use super::models::Trained;
use super::roster::Roster;
use crate::base::splitmix::SplitMix64;
use crate::engine::Engine;
use crate::error::Result;
use crate::eval::attacks::{Probe, Side};
use crate::eval::{Aspect, Outputs};
use crate::run::reading::over_all_classes;
use crate::train::{Schedule, TrainConfig};

/// One way of training on, and what it brought back in each model.
pub(super) struct Relearned {
    name: &'static str,
    what: &'static str,
    run: f64,
    original: f64,
    retrains: Vec<f64>,
}

/// A tenth of the recipe's epochs, within these.
const EPOCHS: [usize; 2] = [1, 5];
/// Epochs on a few forgotten records, which are few steps.
const ON_FEW: usize = 5;
/// The fewest of those.
const FEW: usize = 5;

/// Why it cannot be measured; none where it can.
pub(super) fn suits(subjects: &Subjects) -> Option<String> {
    let (run, original) = (&subjects.run, &subjects.original);
    let same = run.model.layout.whole() == original.model.layout.whole() && run.data.fitted() == original.data.fitted();
    (!same).then(|| "the run's network is given other numbers, or has other outputs, than the original's".to_owned())
}

/// Trains the run, the original and every retrain on, and asks them about the forgotten records.
///
/// # Errors
/// A loss that is not finite; a lost device.
pub(super) fn relearn(
    engine: &mut Engine,
    subjects: &Subjects,
    roster: &Roster,
    trained: &Trained,
) -> Result<Vec<Relearned>> {
    let recipe = &subjects.original.config.train;
    let epochs = (recipe.epochs / 10).clamp(EPOCHS[0], EPOCHS[1]);
    let on = |epochs: usize| TrainConfig {
        epochs,
        schedule: Schedule::Constant,
        warmup_steps: 0,
        warmup_epochs: 0.0,
        one_cycle: None,
        early_stopping: None,
        ema: 0.0,
        ..recipe.clone()
    };
    let mut forget = roster.forget().to_vec();
    let mut random = SplitMix64::new(0x4e1e_a4e5);
    random.shuffle(&mut forget);
    let few = (forget.len() / 10).max(FEW).min(forget.len() / 2);
    let (shown, rest) = forget.split_at(few);
    let mut beside = roster.retained.clone();
    random.shuffle(&mut beside);
    beside.truncate(few.max(recipe.batch_size));
    let with_few: Vec<u32> = shown.iter().copied().chain(beside).collect();
    let mut ways = vec![(
        ("relearning on retained records", "Mean log-odds of the forgotten after training on the retained"),
        on(epochs),
        roster.retained.clone(),
        roster.forget(),
    )];
    if few > 0 {
        let words = ("relearning on a few forgotten records", "Mean log-odds of the other forgotten ones after it");
        ways.push((words, on(ON_FEW), with_few, rest));
    }
    let mut found = Vec::new();
    for ((name, what), config, records, asked) in ways {
        let mut back = brought_back(engine, subjects, trained, &config, (&records, asked))?;
        let retrains = back.split_off(2);
        found.push(Relearned { name, what, run: back[0], original: back[1], retrains });
    }
    Ok(found)
}

/// The mean φ of the records asked about once each model was trained on: the run's, the original's, each retrain's.
fn brought_back(
    engine: &mut Engine,
    subjects: &Subjects,
    trained: &Trained,
    config: &TrainConfig,
    (records, asked): (&[u32], &[u32]),
) -> Result<Vec<f64>> {
    let original = &subjects.original;
    let (pool, validation) = (&trained.pool, &original.data.validation);
    let recipe = Recipe { model: &original.model, pool, validation, config, base: None };
    let [run, before] = [subjects.run.theta()?, original.theta()?];
    let starts = [&run, &before].into_iter().chain(&trained.thetas);
    let seed = original.config.seed;
    let pupils: Vec<Pupil> =
        starts.map(|start| Pupil { records: records.to_vec(), seed, start: Some(start) }).collect();
    let thetas = recipe.train(engine, &pupils)?;
    let each: Vec<&[f32]> = thetas.iter().map(Vec::as_slice).collect();
    let labels: Vec<u32> = asked.iter().map(|at| original.data.train.y[*at as usize]).collect();
    let of = |logits: Vec<f32>| {
        let logits = over_all_classes(&original.data, logits);
        confidence(&Outputs { logits, labels: labels.clone(), classes: original.data.classes, goals: None })
    };
    recipe.read(engine, &each, asked)?.into_iter().map(of).collect()
}

impl Relearned {
    /// As a check: a retrain among them is held out.
    pub fn probe(self) -> Probe {
        let Relearned { name, what, run, original, mut retrains } = self;
        let held_out = retrains.pop().into_iter().collect();
        let (aspect, side, original) = (Aspect::Forgetting, Side::Above, Some(original));
        Probe { name, what, aspect, side, run, original, retrains, held_out, finest: 1e-3 }
    }
}
