//! What a language model remembers once its weights are rounded (Zhang et al. 2025) or it is trained on (Łucki et al.
//! 2024, Siddiqui et al. 2025): what was only hidden comes back there, and a retrain has nothing to come back.

use std::collections::HashSet;

use super::Subjects;
use super::quantised::{EIGHT, FOUR, rounded};
use super::relearn::{EPOCHS, FEW, ON_FEW, constant};
use crate::base::splitmix::SplitMix64;
use crate::data::{Portion, Training};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::eval::accuracy::accuracy;
use crate::eval::attacks::{Probe, Side};
use crate::eval::{Aspect, SplitName};
use crate::records::{Records, Session};
use crate::run::folder::Opened;
use crate::run::reading::without_memory;
use crate::train::{Term, TrainConfig, fit_to_end};

/// What is done to every model.
struct Way<'a> {
    name: &'static str,
    what: &'static str,
    change: Change<'a>,
    /// Forgotten records that are asked about, by their place among the forgotten.
    asked: &'a [bool],
}

enum Change<'a> {
    /// Its weights are rounded to so many steps to either side of 0.
    Rounded(f32),
    /// It is trained on these records.
    Trained { training: &'a dyn Fn() -> Training<'a>, records: &'a [u32], config: Box<TrainConfig> },
}

/// Every check; `held` says how many of the retrains at the end are controls, `first` how many at the beginning are
/// left out.
///
/// # Errors
/// A loss that is not finite; a lost device.
pub(super) fn probes(
    engine: &mut Engine,
    subjects: &Subjects,
    (first, held): (usize, usize),
    said: &mut dyn FnMut(&str),
) -> Result<Vec<Probe>> {
    let (data, target) = (&subjects.original.data, &subjects.target);
    let (recipe, cuts) = (&subjects.original.config.train, &target.split.cuts);
    let (all, few) = (vec![true; target.split.forget.len()], Few::of(subjects));
    let (whole, after) = (|| data.training(), || data.training_without(cuts));
    let mut ways = vec![
        Way {
            name: "weights of eight bits",
            what: "MA, weights of eight bits",
            change: Change::Rounded(EIGHT),
            asked: &all,
        },
        Way {
            name: "weights of four bits",
            what: "MA, weights of four bits",
            change: Change::Rounded(FOUR),
            asked: &all,
        },
        Way {
            name: "relearning on retained texts",
            what: "MA after training on the retained texts",
            change: Change::Trained {
                training: &after,
                records: &target.split.retain,
                config: Box::new(constant(recipe, (recipe.epochs / 10).clamp(EPOCHS[0], EPOCHS[1]))),
            },
            asked: &all,
        },
    ];
    if few.others.contains(&true) {
        ways.push(Way {
            name: "relearning on a few forgotten texts",
            what: "MA of the other forgotten texts after training on a few",
            change: Change::Trained {
                training: &whole,
                records: &few.shown,
                config: Box::new(constant(recipe, ON_FEW)),
            },
            asked: &few.others,
        });
    }
    said("weights of eight and four bits, relearning on retained texts, and on a few forgotten ones");
    let retrains = subjects.references.get(first..).unwrap_or_default();
    let mut probes = Vec::new();
    for way in &ways {
        let mut of = |run: &Opened| way.share(engine, subjects, run);
        let (run, original) = (of(&subjects.run)?, of(&subjects.original)?);
        let mut retrains = retrains.iter().map(of).collect::<Result<Vec<f64>>>()?;
        let held_out = retrains.split_off(retrains.len().saturating_sub(held));
        probes.push(Probe {
            name: way.name,
            what: way.what,
            aspect: Aspect::Forgetting,
            side: Side::Above,
            run,
            original: Some(original),
            retrains,
            held_out,
            finest: 0.005,
        });
    }
    Ok(probes)
}

/// A few forgotten texts that models are shown again.
struct Few {
    /// They, and as many retained ones or a batch of them, so that a model does not turn to them alone.
    shown: Vec<u32>,
    /// Of each forgotten record, whether it is of none of them: what goes together with a shown text is shown too.
    others: Vec<bool>,
}

impl Few {
    fn of(subjects: &Subjects) -> Few {
        let (data, split) = (&subjects.original.data, &subjects.target.split);
        let mut random = SplitMix64::new(0x4e1e_a4e5);
        let who = data.who.part(Portion::Train);
        let key = |record: &u32| who[*record as usize].key;
        let mut some = |mut all: Vec<u32>, most: usize| {
            random.shuffle(&mut all);
            all.truncate(most);
            all
        };
        let most = (split.forget.len() / 10).max(FEW).min(split.forget.len() / 2);
        let shown = some(split.forget.clone(), most);
        let keys: HashSet<u64> = shown.iter().map(key).collect();
        let whole = split.retain.iter().filter(|record| split.forget.binary_search(record).is_err());
        let batch = subjects.original.config.train.batch_size.max(shown.len());
        let kept = some(whole.copied().collect(), batch);
        let others = split.forget.iter().map(|record| !keys.is_empty() && !keys.contains(&key(record))).collect();
        Few { shown: [shown, kept].concat(), others }
    }
}

impl Way<'_> {
    /// MA of the forgotten records that are asked about, once the model was changed.
    fn share(&self, engine: &mut Engine, subjects: &Subjects, run: &Opened) -> Result<f64> {
        let before = run.theta()?;
        let theta = match &self.change {
            Change::Rounded(steps) => rounded(&run.model.layout, &before, *steps),
            Change::Trained { training, records, config } => {
                let mut session =
                    Session::of(engine, &run.model, training(), None, &before)?.trained_for(config.as_ref())?;
                let terms = [Term { records: Records::train(records), weight: 1.0 }];
                fit_to_end(&mut session, config, subjects.original.config.seed, &terms)?;
                session.read_theta()?
            }
        };
        let said = without_memory(engine, Some(&subjects.target), &run.reading(&theta))?;
        let forget = said.get(SplitName::Forget).ok_or_else(|| Error::internal("no forgotten texts were read"))?;
        let share = accuracy(&forget.at(|at| self.asked.get(at) == Some(&true)))?;
        share.ok_or_else(|| Error::internal("no forgotten text has a token"))
    }
}
