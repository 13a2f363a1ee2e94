//! Checkpoints that stay: those at the ends of stages, and those that `train.keep` asks for.

use super::advance::narrowed;
use super::config::TrainConfig;
use super::fit::{Fit, Term};
use super::progress::FitState;
use super::slices::Keep;
use crate::error::{Error, Result};
use crate::records::Session;
use crate::records::objective::ClassWeights;

/// Where kept checkpoints are, and where those of a new run go.
pub trait Keeper: std::fmt::Debug {
    /// The steps after which there is one, ascending.
    fn steps(&self) -> &[u64];

    /// Weights and state after a step.
    ///
    /// # Errors
    /// A file that was changed.
    fn load(&self, step: u64) -> Result<(Vec<f32>, FitState)>;

    /// Puts the one after a step into the new run as it is.
    ///
    /// # Errors
    /// A file that was changed or cannot be written.
    fn carry(&self, step: u64) -> Result<()>;

    /// Writes one of the new run.
    ///
    /// # Errors
    /// A file that cannot be written.
    fn keep(&self, theta: &[f32], state: &FitState) -> Result<()>;
}

/// Which checkpoints of a fit stay.
#[derive(Clone, Copy, Debug)]
pub struct Keeping {
    keep: Option<Keep>,
    /// How many of `train.keep` there are, and the step of the last.
    count: usize,
    last: u64,
}

impl Keeping {
    /// For a fit that has taken the kept `steps`.
    pub fn of(config: &TrainConfig, steps: &[u64]) -> Keeping {
        let keep = config.keep;
        Keeping { keep, count: steps.len(), last: steps.last().copied().unwrap_or(0) }
    }

    /// The step after which the next one is due.
    pub fn due(&self) -> Option<u64> {
        let keep = self.keep.filter(|keep| self.count < keep.most)?;
        Some((self.last / keep.every + 1).saturating_mul(keep.every))
    }

    /// Whether the state is to be kept; it counts as kept then.
    pub fn takes(&mut self, fit: &Fit) -> bool {
        let (step, stage) = (fit.state.step, fit.state.at == 0 && fit.config.ends_stage(fit.state.epoch));
        let due = self.due().is_some_and(|due| step >= due) && fit.state.epoch < fit.config.epochs;
        if due {
            (self.count, self.last) = (self.count + 1, step);
        }
        due || stage
    }
}

impl TrainConfig {
    /// # Errors
    /// Numbers out of range.
    pub(super) fn check_keep(&self) -> Result<()> {
        match self.keep {
            Some(Keep { every, most }) if every == 0 || !(1..=10_000).contains(&most) => {
                Err(Error::input("train.keep must have every = 1 or more and most from 1 to 10000"))
            }
            Some(_) if self.slices.is_some() => Err(Error::input(
                "train.keep does not go with [train.slices], which keeps a checkpoint at the end of each stage",
            )),
            Some(_) if self.dp.is_some() => Err(Error::input(
                "train.keep does not go with [train.dp]: a private training draws its records anew for each step",
            )),
            _ => Ok(()),
        }
    }

    /// Whether checkpoints of this recipe stay.
    pub fn keeps(&self) -> bool {
        self.keep.is_some() || self.slices.is_some_and(|slices| slices.count > 1)
    }

    /// How many stay of a fit of so many steps, at most.
    pub fn kept(&self, steps: u64) -> u64 {
        let stages = self.slices.map_or(0, |slices| slices.count as u64 - 1);
        stages + self.keep.map_or(0, |keep| (keep.most as u64).min(steps / keep.every))
    }
}

impl Fit {
    /// Bytes of a checkpoint.
    pub fn checkpoint_bytes(&self, session: &Session) -> u64 {
        let layout = &session.model.layout;
        let average = usize::from(self.config.ema > 0.0);
        4 * (layout.whole() + (self.vectors.len() + average) * layout.total()) as u64
    }

    /// Goes on with what was kept, so that an engine which computes in more digits than a file holds goes on as it does
    /// from the file.
    ///
    /// # Errors
    /// A lost device.
    pub fn take_up(&mut self, session: &mut Session, theta: &[f32], state: FitState) -> Result<()> {
        session.write_theta(theta)?;
        self.restore(session, state)
    }

    /// The first step that differs between a training on `all` records and one on those of them that are `retained`,
    /// from 0: up to there the two have the same bytes.
    ///
    /// # Errors
    /// Records that cannot be told apart, where the recipe needs it.
    pub fn parts_at(&self, session: &Session, all: &Term, retained: &Term) -> Result<u64> {
        let counted = matches!(self.config.class_weights, Some(ClassWeights::Word(_)));
        if counted || self.config.objective_noise > 0.0 || self.draws_records() {
            // The number of the records is in every step.
            return Ok(0);
        }
        let mut step = 0;
        for epoch in 0..self.config.epochs {
            let state = FitState { epoch, step, ..FitState::default() };
            let [a, b] = [all, retained].map(|term| self.epoch_of(session, term, &state));
            let (a, b) = (a?, b?);
            let same = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
            step += same as u64;
            if same < a.len() || same < b.len() {
                return Ok(step);
            }
        }
        Ok(step)
    }

    /// The first step that uses one of `records` in a training on `all`.
    ///
    /// # Errors
    /// As [`Fit::parts_at`].
    pub fn first_use(&self, session: &Session, all: &Term, records: &[u32]) -> Result<u64> {
        let mut step = 0;
        for epoch in 0..self.config.epochs {
            let state = FitState { epoch, step, ..FitState::default() };
            let lists = self.epoch_of(session, all, &state)?;
            let uses = |(list, _): &(Vec<u32>, u64)| list.iter().any(|record| records.binary_search(record).is_ok());
            match lists.iter().position(uses) {
                Some(at) => return Ok(step + at as u64),
                None => step += lists.len() as u64,
            }
        }
        Ok(step)
    }

    /// Leaves the places of these records in batches empty: a step's mean is over the others.
    pub fn leave_out(&mut self, records: &[u32]) {
        self.without = records.iter().copied().collect();
    }

    /// The records and the learning rate (its bits) of each step of an epoch.
    fn epoch_of(&self, session: &Session, term: &Term, state: &FitState) -> Result<Vec<(Vec<u32>, u64)>> {
        let stage = self.stage(session, term.records.indices, state.epoch)?;
        let terms = &narrowed(&[*term], &stage)[..];
        let per_epoch = self.steps_per_epoch(terms);
        let begun = stage.as_ref().map_or(0, |stage| stage.first);
        let batches = self.batches(session, state, terms, &stage);
        let rate = |at: u64| self.course.lr_at(state.step + at - begun, per_epoch).to_bits();
        let list = |at: usize| batches.group(at, per_epoch, 1).swap_remove(0).swap_remove(0);
        Ok((0..per_epoch).map(|at| (list(at), rate(at as u64))).collect())
    }
}
