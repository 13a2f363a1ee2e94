//! Exact unlearning by a maximal coupling: the training's own trace, changed where a forgotten record was in a batch.

pub mod couple;
mod walk;

use serde::{Deserialize, Serialize};

use crate::methods::prelude::*;
use crate::train::coupled::{CoupledConfig, Trace, draw};
use couple::{Went, bound};
use walk::Walk;

pub(crate) static ROW: MethodRow = MethodRow {
    name: "coupling",
    summary: "couples the trace of a training with [train.coupled] to one without the records: replaces them in its \
        batches, keeps or reflects each step's noisy gradient, draws the rest anew from the first reflection; exact in \
        distribution",
    citation: "Ullah, Mai, Rao, Rossi & Arora, COLT 2021 (noisy-m-SGD, sub-sample-GD)",
    tier: Tier::Distribution,
    role: Role::Method,
    takes: &[RecordKind::Row],
    settings: &[],
    build: |table| settings::build::<Coupling>(&ROW, table),
};

/// No settings: T, σ, η, m and clipping are those of the training, for without the records it would have had the same.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Coupling {}

impl Coupling {
    /// The trace of the parameters that are there: the run's, or that of a training which repeats itself from its seed.
    fn trace(session: &mut Session, view: &View) -> Result<Trace> {
        if let Some(trace) = view.past.trace {
            return Ok(trace.clone());
        }
        match view.past.method.map(crate::methods::role) {
            None | Some(Some(Role::Reference)) => {}
            Some(_) => {
                return Err(Error::input(format!(
                    "method `{}`: the parameters come from method `{}`, which leaves no trace to couple; ask the run \
                        that it began with, or one that `{}` left",
                    ROW.name,
                    view.past.method.unwrap_or_default(),
                    ROW.name
                )));
            }
        }
        let seed = view.past.seed.unwrap_or(view.seed);
        let start = view.past.start(session.model, seed);
        Trace::begin(view.train, seed, view.retain.len() + view.forget.len(), &start)
    }

    fn couple(
        session: &mut Session,
        view: &View,
        trace: &mut Trace,
        coupled: CoupledConfig,
    ) -> Result<(Went, [u64; 3])> {
        let draws = trace.draws(view.retain, view.forget)?;
        let mut gone = [trace.gone(), view.forget].concat();
        gone.sort_unstable();
        gone.dedup();
        let (steps, seed) = (trace.steps(), trace.next_seed(view.seed));
        let is_gone = |record: u32| view.forget.binary_search(&record).is_ok();
        let batches: Vec<Vec<u32>> = (0..steps)
            .map(|step| trace.edit(step).map_or_else(|| draws.step(step).1, |edit| edit.batch.clone()))
            .collect();
        let hit = |(step, now): (usize, Vec<u32>)| {
            now.iter().any(|record| is_gone(*record)).then(|| {
                let then = draw::replaced(&now, is_gone, view.retain, seed, step as u64);
                (step as u64, now, then)
            })
        };
        let affected = batches.into_iter().enumerate().filter_map(hit);
        let mut walk = Walk::new(session, (view.train, trace), draws, (view.retain, &gone), seed)?;
        let went = couple::couple(&mut walk, affected, coupled.sigma, |step| draw::coin(seed, step))?;
        let counts = [walk.gradients, walk.replayed, walk.anew];
        trace.close(gone);
        Ok((went, counts))
    }
}

impl Method for Coupling {
    fn suits_recipe(&self, recipe: &TrainConfig) -> Result<()> {
        match recipe.coupled {
            Some(_) => Ok(()),
            None => Err(Error::input(format!(
                "method `{}` couples the trace of a training with fixed steps, clipping and noise, and this one had no \
                    table [train.coupled]; train with one, or use `retrain`",
                ROW.name
            ))),
        }
    }

    fn needs(&self) -> Needs {
        Needs::History
    }

    fn goes_on(&self) -> bool {
        true
    }

    fn forget(&self, session: &mut Session, view: &View) -> Result<Account> {
        self.suits_recipe(view.train)?;
        let Some(coupled) = view.train.coupled else { return Err(Error::internal("no [train.coupled]")) };
        session.check_coupled()?;
        if view.retain.len() < view.train.batch_size {
            return Err(Error::input(format!(
                "method `{}`: a step has train.batch_size = {} distinct records, and {} are retained; retrain with \
                    smaller batches",
                ROW.name,
                view.train.batch_size,
                view.retain.len()
            )));
        }
        let origin = Origin::of(session)?;
        let trained = session.read_theta()?;
        let mut account = Account::reading(&[Read::RetainData, Read::ForgetData, Read::StoredStatistics]);
        let mut trace = Coupling::trace(session, view)?;
        let forget = View { forget: &sorted(view.forget), ..*view };
        let (went, [gradients, replayed, anew]) = timed(&mut account.method_s, || {
            let done = Coupling::couple(session, &forget, &mut trace, coupled)?;
            if done.0.turned_at.is_none() {
                session.write_theta(&trained)?;
            }
            Ok(done)
        })?;
        let (records, steps) = (view.retain.len() + view.forget.len(), trace.steps());
        account.took(anew);
        if went.turned_at.is_none() {
            account.details.stopped_by = Some(StoppedBy::Accepted);
        }
        account.note("variant", if coupled.sigma > 0.0 { "noisy-m-SGD" } else { "sub-sample-GD" });
        account.note("steps_with_records", went.looked_at);
        account.note("replaced", went.replaced);
        account.note("recomputed_from", went.turned_at);
        account.note("recomputed_share", anew as f64 / steps as f64);
        account.note("recompute_predicted", went.predicted);
        let (forgotten, batch) = (view.forget.len(), view.train.batch_size);
        account.note("recompute_bound", bound(steps, batch, records, forgotten, coupled.clip, coupled.sigma));
        if coupled.sigma > 0.0 {
            let scale = (steps as f64).sqrt() * coupled.clip * forgotten as f64 / (records as f64 * coupled.sigma);
            account.note("stability_scale", scale);
        }
        account.note("replayed_steps", replayed);
        account.note("record_gradients", gradients);
        account.note("retrain_record_gradients", steps * batch as u64);
        account.note("trace_bytes", trace.bytes());
        account.trace = Some(Box::new(trace));
        account.close(session, &origin)
    }
}

#[cfg(test)]
mod tests;

fn sorted(records: &[u32]) -> Vec<u32> {
    let mut records = records.to_vec();
    records.sort_unstable();
    records
}
