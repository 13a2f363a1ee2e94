//! Replay: training goes on from the last checkpoint that no forgotten record was an input to.

use crate::methods::prelude::*;
use crate::methods::shared::account::Replayed;
use crate::train::{EpochReport, Keeper, Keeping, Observer, StepReport};
use serde::{Deserialize, Serialize};

pub(crate) static ROW: MethodRow = MethodRow {
    name: "replay",
    summary: "trains on from the last kept checkpoint before a forgotten record was used, batches drawn without it, \
              with the bytes of a training that never had it; `trace_preserving` leaves its places empty instead",
    citation: "the definition; checkpoints as in SISA (Bourtoule et al., IEEE S&P 2021)",
    tier: Tier::Exact,
    role: Role::Method,
    takes: &[RecordKind::Row, RecordKind::Node, RecordKind::Graph],
    settings: &[&[choice("mode", "retain_only", MODES, "Which batches are drawn without the records.")]],
    build: |table| settings::build::<Replay>(&ROW, table),
};

const MODES: &[(&str, &str)] = &[
    ("retain_only", "those of a training without them, and so its bytes"),
    ("trace_preserving", "those of the training with them, their places left empty: another trajectory, not exact"),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Mode {
    RetainOnly,
    TracePreserving,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Replay {
    mode: Mode,
}

impl Method for Replay {
    fn needs(&self) -> Needs {
        Needs::History
    }

    fn suits_recipe(&self, recipe: &TrainConfig) -> Result<()> {
        match recipe.keeps() {
            true => Ok(()),
            false => Err(Error::input(
                "method `replay` goes back to checkpoints, and this recipe keeps none; train with `[train.keep]` (and \
                 order = \"keyed\", without which the first batch differs already) or `[train.slices]`, or use retrain",
            )),
        }
    }

    fn foretells(&self, kind: RecordKind, records: usize, recipe: &TrainConfig) -> Option<String> {
        Some(match kind {
            RecordKind::Row if recipe.slices.is_none() => format!(
                "each record is in the first epoch, so that `{}` can save no more than its {} steps of {}",
                ROW.name,
                records.div_ceil(recipe.step_records()),
                records.div_ceil(recipe.step_records()) * recipe.epochs
            ),
            RecordKind::Row => return None,
            _ => format!(
                "on a graph records reach each other from the first step on, so that `{}` begins anew there and saves \
                 nothing: it is a retrain, to the same bytes",
                ROW.name
            ),
        })
    }

    fn forget(&self, session: &mut Session, view: &View) -> Result<Account> {
        again(session, view, self.mode == Mode::TracePreserving)
    }
}

/// Trains again from where the training without the records parts from the one with them.
pub(super) fn again(session: &mut Session, view: &View, trace: bool) -> Result<Account> {
    let origin = Origin::of(session)?;
    let mut account = Account::reading(&[Read::RetainData]);
    if view.train.early_stopping.is_some() {
        account.reads.push(Read::ValidationData);
    }
    let mut all = [view.retain, view.forget].concat();
    all.sort_unstable();
    let [all, retained] = [&all, view.retain].map(|indices| Term { records: Records::train(indices), weight: 1.0 });
    // Another seed is another training, to which no checkpoint belongs.
    let same = view.past.seed.is_none_or(|seed| seed == view.seed);
    // On a graph a node reaches others by its edges from the first step on, whichever batch it is in.
    let known = view.past.checkpoints.filter(|_| same && view.graph.is_none());
    let steps = timed(&mut account.method_s, || {
        let fresh = view.past.start(session.model, view.seed);
        session.write_theta(&fresh)?;
        let mut fit = Fit::new(session, view.train, view.seed)?;
        let parts = match trace {
            false => fit.parts_at(session, &all, &retained)?,
            true => fit.first_use(session, &all, view.forget)?,
        };
        let usable = |keeper: &dyn Keeper| keeper.steps().iter().copied().filter(|step| *step <= parts).collect();
        let before: Vec<u64> = known.map(usable).unwrap_or_default();
        if let (Some(keeper), Some(last)) = (known, before.last()) {
            let (theta, state) = keeper.load(*last)?;
            session.write_theta(&theta)?;
            fit.restore(session, state)?;
            before.iter().try_for_each(|step| keeper.carry(*step))?;
        }
        let begun = fit.steps_taken();
        let terms = if trace { [all] } else { [retained] };
        if trace {
            fit.leave_out(view.forget);
        }
        let mut keeping = Saving { keeper: view.past.checkpoints, keeping: Keeping::of(view.train, &before) };
        fit.pause_at(keeping.keeping.due());
        let steps = train_to_end(&mut fit, session, &terms, &mut keeping)?;
        Ok((parts, begun, steps))
    })?;
    let (parts, begun, whole) = steps;
    account.took(whole - begun);
    account.details.other_trajectory = trace;
    account.details.replayed = Some(Replayed { parts, from: begun, whole });
    account.close(session, &origin)
}

/// Keeps the checkpoints of the new training.
struct Saving<'a> {
    keeper: Option<&'a dyn Keeper>,
    keeping: Keeping,
}

impl Saving<'_> {
    fn keep(&mut self, session: &mut Session, fit: &mut Fit) -> Result<Flow> {
        if self.keeping.takes(fit)
            && let Some(keeper) = self.keeper
        {
            let (theta, state) = (session.read_theta()?, fit.state(session)?);
            keeper.keep(&theta, &state)?;
            fit.take_up(session, &theta, state)?;
        }
        fit.pause_at(self.keeping.due());
        Ok(Flow::Continue)
    }
}

impl Observer for Saving<'_> {
    fn step(&mut self, report: &StepReport) -> bool {
        self.keeping.due().is_none_or(|due| report.step < due)
    }

    fn epoch(&mut self, session: &mut Session, fit: &mut Fit, _report: &EpochReport) -> Result<Flow> {
        self.keep(session, fit)
    }

    fn paused(&mut self, session: &mut Session, fit: &mut Fit) -> Result<Flow> {
        self.keep(session, fit)
    }
}
