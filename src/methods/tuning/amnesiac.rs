//! Amnesiac unlearning: what the batches with the forgotten records added to the parameters is taken off again.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::methods::prelude::*;
use crate::methods::shared::past::{check_trained, check_walked};
use crate::train::{Delta, Deltas, Following};

pub(crate) static ROW: MethodRow = MethodRow {
    name: "amnesiac",
    summary: "subtracts what all steps added whose batches had the forgotten records (kept by [train.deltas]), then \
        repairs on the retained records",
    citation: "Graves, Nagisetty & Ganesh, AAAI 2021 (Amnesiac machine learning)",
    tier: Tier::Approximate,
    role: Role::Method,
    takes: &[RecordKind::Row],
    settings: &[
        &[flag("repair", "true", "Whether training goes on behind the subtraction.")],
        &Sgd::settings(
            (
                "2",
                "Learning rate of the repair, as a multiple of the recipe's; the source goes on with the training's \
                 own.",
            ),
            (
                "0.1",
                "Passes over the retained records behind the subtraction, as a part of the recipe's; the source has \
                 1.",
            ),
            "constant",
        ),
    ],
    build: |table| settings::build::<Amnesiac>(&ROW, table),
};

/// θ' = θ − Σ_t (θ_{t+1} − θ_t) over the steps t whose batch has a forgotten record, then the repair. What a run kept
/// by `[train.deltas]` is used, and reads none of the records; the steps that were not subtracted go into the new run,
/// for later requests. Without it the training is repeated, to the bit, and only the sum is held, which is counted as
/// precomputing. Running statistics of a `batch_norm` stay as they are until the repair: the source subtracts weights
/// and biases alone. Where most batches had a forgotten record little of the training is left.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Amnesiac {
    repair: bool,
    #[serde(flatten)]
    sgd: Sgd,
}

/// Σ_t (θ_{t+1} − θ_t), and of how many steps.
struct Sum {
    added: Vec<f64>,
    steps: usize,
}

impl Sum {
    fn add(&mut self, added: &[f32]) {
        self.added.iter_mut().zip(added).for_each(|(sum, v)| *sum += f64::from(*v));
        self.steps += 1;
    }
}

/// Adds up what some steps of a training add.
struct Summing {
    following: Following,
    sum: Sum,
}

impl Observer for Summing {
    fn step(&mut self, report: &StepReport) -> bool {
        self.following.wanted().is_none_or(|step| report.step < step)
    }

    fn paused(&mut self, session: &mut Session, fit: &mut Fit) -> Result<Flow> {
        if let Some((_, added)) = self.following.look(session, fit.steps_taken())? {
            self.sum.add(&added);
        }
        fit.pause_at(self.following.wanted());
        Ok(Flow::Continue)
    }

    fn epoch(&mut self, session: &mut Session, fit: &mut Fit, _report: &EpochReport) -> Result<Flow> {
        self.paused(session, fit)
    }
}

/// Of a training that ends where it did, at most so far from it in parts of its length: the same adapter gives the same
/// bits, another one nearly the same.
const APART: f64 = 1e-3;

impl Amnesiac {
    /// Of what the run kept.
    fn kept(session: &Session, view: &View, kept: &dyn Deltas, mut sum: Sum) -> Result<Sum> {
        let keys = session.keys();
        let gone: HashSet<u64> = view.forget.iter().map(|at| keys.get(*at as usize).copied().unwrap_or(0)).collect();
        let unknown = view.forget.iter().filter(|at| keys.get(**at as usize).is_none_or(|key| !kept.covers(*key)));
        let unknown = unknown.count();
        if unknown > 0 {
            return Err(Error::input(format!(
                "method `{}`: {unknown} of the {} records are not among those whose batches the training kept \
                 (train.deltas.request does not name them); use `rewind`, or train with them in it",
                ROW.name,
                view.forget.len()
            )));
        }
        kept.each(&mut |Delta { keys, added, .. }| {
            let hit = keys.iter().any(|key| gone.contains(key));
            if hit {
                sum.add(&added);
            }
            Ok(hit)
        })?;
        Ok(sum)
    }

    /// Of the training, which is repeated.
    fn again(session: &mut Session, view: &View, trained: &[f32], sum: Sum) -> Result<Sum> {
        let seed = view.past.seed.unwrap_or(view.seed);
        let mut all = [view.retain, view.forget].concat();
        all.sort_unstable();
        let mut forget = view.forget.to_vec();
        forget.sort_unstable();
        let terms = [Term { records: Records::before(&all), weight: 1.0 }];
        let train = TrainConfig { steps_per_submission: 1, ..view.train.clone() };
        session.write_theta(&view.past.start(session.model, seed))?;
        let mut fit = Fit::new(session, &train, seed)?;
        let steps = fit.steps_with(session, &terms[0], Some(&forget))?.into_iter().map(|(step, _)| step).collect();
        let mut summing = Summing { following: Following::of(steps, 0), sum };
        summing.paused(session, &mut fit)?;
        train_to_end(&mut fit, session, &terms, &mut summing)?;
        if let Some(step) = summing.following.wanted() {
            return Err(Error::internal(format!("the training was not seen after step {step}")));
        }
        let again = session.read_theta()?;
        let norm = |v: &mut dyn Iterator<Item = f64>| v.map(|v| v * v).sum::<f64>().sqrt();
        let apart = norm(&mut again.iter().zip(trained).map(|(a, b)| f64::from(*a) - f64::from(*b)));
        match apart <= APART * norm(&mut trained.iter().map(|v| f64::from(*v))) {
            true => Ok(summing.sum),
            false => Err(Error::input(format!(
                "method `{}`: the training was repeated and ended {apart:.3e} away from the run's parameters; it needs \
                 a run that was trained by its own configuration, or one that kept its steps (train.deltas)",
                ROW.name
            ))),
        }
    }
}

impl Method for Amnesiac {
    fn suits_recipe(&self, recipe: &TrainConfig) -> Result<()> {
        check_walked(ROW.name, recipe)
    }

    fn needs(&self) -> Needs {
        Needs::History
    }

    fn forget(&self, session: &mut Session, view: &View) -> Result<Account> {
        self.suits_recipe(view.train)?;
        session.needs_alone(|| {
            format!(
                "method `{}` takes back the steps whose batches had a record, and on a graph a step reaches all nodes: \
                 what is left would be the start; use `rewind`, or retrain",
                ROW.name
            )
        })?;
        let origin = Origin::of(session)?;
        let mut account = Account::reading(&[Read::RetainData]);
        let trained = session.read_theta()?;
        let none = Sum { added: vec![0.0; session.model.layout.total()], steps: 0 };
        let sum = match view.past.deltas {
            Some(kept) => {
                account.reads.push(Read::StoredStatistics);
                timed(&mut account.method_s, || Amnesiac::kept(session, view, kept, none))?
            }
            None => {
                check_trained(ROW.name, view)?;
                account.reads.push(Read::ForgetData);
                timed(&mut account.precompute_s, || Amnesiac::again(session, view, &trained, none))?
            }
        };
        let config = self.sgd.recipe(view.train);
        let terms = [Term { records: Records::train(view.retain), weight: 1.0 }];
        let steps = timed(&mut account.method_s, || {
            let mut theta = trained.clone();
            theta.iter_mut().zip(&sum.added).for_each(|(v, added)| *v = (f64::from(*v) - added) as f32);
            session.write_theta(&theta)?;
            if self.repair { fit_to_end(session, &config, view.seed, &terms) } else { Ok(0) }
        })?;
        account.took(steps);
        account.note("steps_subtracted", sum.steps);
        account.note("bytes_of_each", 4 * session.model.layout.total());
        account.note("kept_deltas", view.past.deltas.is_some());
        account.note("train", if self.repair { json!(config) } else { json!(null) });
        account.close(session, &origin)
    }
}

#[cfg(test)]
mod tests;
