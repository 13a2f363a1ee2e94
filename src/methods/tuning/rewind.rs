//! Rewind to delete: back to an earlier step of the training, and from there on without the forgotten records.

mod bound;

use serde::{Deserialize, Serialize};

use crate::methods::prelude::*;
use crate::methods::shared::past::{check_trained, check_walked};
use crate::train::FitState;
use bound::certified;

pub(crate) static ROW: MethodRow = MethodRow {
    name: "rewind",
    summary: "back to a step of the training before its end (R2D), and the steps that are left on the retained records \
        alone, with noise at the end if asked for",
    citation: "Mu & Klabjan, NeurIPS 2025 (Rewind-to-Delete); Mu & Klabjan, arXiv 2511.15983 (Descend or Rewind?)",
    tier: Tier::Approximate,
    role: Role::Method,
    takes: CLASSIFIED,
    settings: &[&[
        real(
            "share",
            "0.5",
            Range::PART,
            "Of the training's steps that is taken back, and taken again without the records; 1 is a retrain. With \
                kept checkpoints the last of them that is as far back.",
        ),
        real(
            "sigma",
            "0",
            Range::NONE_OR_MORE,
            "Standard deviation of the noise on every parameter at the end. Where the constants of the proof are known \
                (one linear layer, full batches, SGD without momentum), its ε is told and the result is certified.",
        ),
        real("delta", "1e-5", Range::INSIDE, "The δ at which ε is told."),
    ]],
    build: |table| settings::build::<Rewind>(&ROW, table),
};

/// A kept checkpoint (`train.keep`) is gone back to where there is one; it needs the forgotten records no more. Without
/// one the original is trained again up to the step, to the bit, which is counted as precomputing and reads them. From
/// there batches, learning rates and the optimiser's state go on as those of a training on the retained records. A run
/// that was rewound keeps the checkpoints before it, for the next request.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Rewind {
    share: f64,
    sigma: f64,
    delta: f64,
}

/// Where a rewound training goes on.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// The step, from 0, of both trainings.
    step: u64,
    /// Steps of the whole training.
    steps: u64,
    /// Steps of an epoch of the training on the retained records.
    per_epoch: u64,
}

impl Rewind {
    /// The latest step to go back to.
    fn place(&self, fit: &Fit, view: &View, all: &[Term], retained: &[Term]) -> Place {
        let per_epoch = fit.steps_per_epoch(retained).max(1) as u64;
        let epochs = view.train.epochs as u64;
        let steps = fit.steps_per_epoch(all) as u64 * epochs;
        let back = steps - ((steps as f64 * self.share).ceil() as u64).clamp(1, steps);
        // Of the retained records there may be fewer steps.
        Place { step: back.min((per_epoch * epochs).saturating_sub(1)), steps, per_epoch }
    }

    /// Goes to the last kept checkpoint that is far enough back, if there is one.
    fn kept(session: &mut Session, view: &View, latest: u64) -> Result<Option<FitState>> {
        let same = view.past.seed.is_none_or(|seed| seed == view.seed);
        let Some(keeper) = view.past.checkpoints.filter(|_| same) else { return Ok(None) };
        let before: Vec<u64> = keeper.steps().iter().copied().filter(|step| *step <= latest).collect();
        let Some(last) = before.last() else { return Ok(None) };
        let (theta, state) = keeper.load(*last)?;
        session.write_theta(&theta)?;
        before.iter().try_for_each(|step| keeper.carry(*step))?;
        Ok(Some(state))
    }

    /// Trains the original up to a step.
    fn again(session: &mut Session, view: &View, seed: u64, step: u64, all: &[Term]) -> Result<FitState> {
        // Single steps, so that the pause comes at this very one; the bits are the same.
        let train = TrainConfig { steps_per_submission: 1, ..view.train.clone() };
        session.write_theta(&view.past.start(session.model, seed))?;
        let mut fit = Fit::new(session, &train, seed)?;
        if step > 0 {
            fit.pause_at(Some(step));
            train_to_end(&mut fit, session, all, &mut Until(step))?;
        }
        fit.state(session)
    }
}

impl Method for Rewind {
    fn suits_recipe(&self, recipe: &TrainConfig) -> Result<()> {
        check_walked(ROW.name, recipe)
    }

    fn needs(&self) -> Needs {
        Needs::History
    }

    fn forget(&self, session: &mut Session, view: &View) -> Result<Account> {
        self.suits_recipe(view.train)?;
        let origin = Origin::of(session)?;
        let mut account = Account::reading(&[Read::RetainData]);
        let seed = view.past.seed.unwrap_or(view.seed);
        let mut all = [view.retain, view.forget].concat();
        all.sort_unstable();
        all.dedup();
        let before = [Term { records: Records::before(&all), weight: 1.0 }];
        let retained = [Term { records: Records::train(view.retain), weight: 1.0 }];
        let mut fit = Fit::new(session, view.train, seed)?;
        let mut place = self.place(&fit, view, &before, &retained);
        let kept = timed(&mut account.method_s, || Rewind::kept(session, view, place.step))?;
        let from_kept = kept.is_some();
        let state = match kept {
            Some(state) => state,
            None => {
                check_trained(ROW.name, view)?;
                account.reads.push(Read::ForgetData);
                timed(&mut account.precompute_s, || Rewind::again(session, view, seed, place.step, &before))?
            }
        };
        place.step = state.step;
        let left = timed(&mut account.method_s, || {
            let (epoch, at) = ((place.step / place.per_epoch) as usize, (place.step % place.per_epoch) as usize);
            let state = FitState { epoch, at, loss_sum: 0.0, correct_sum: 0.0, count: 0.0, ..state };
            fit.restore(session, state)?;
            let done = train_to_end(&mut fit, session, &retained, &mut ())?;
            if self.sigma > 0.0 {
                session.add_noise(self.sigma, view.seed)?;
            }
            Ok(done - place.step)
        })?;
        account.took(left);
        account.note("rewound_to", place.step);
        account.note("of_steps", place.steps);
        account.note("kept_checkpoint", from_kept);
        if self.sigma > 0.0 {
            let theta = session.read_theta()?;
            match certified(session, view, &all, (place.step, left), (self.sigma, self.delta))? {
                Ok(guarantee) => account.details.guarantee = Some(guarantee),
                Err(why) => account.note("not_certified", why),
            }
            session.write_theta(&theta)?;
        }
        account.close(session, &origin)
    }
}

#[cfg(test)]
mod tests;
