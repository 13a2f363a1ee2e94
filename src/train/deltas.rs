//! What single steps added to the parameters, kept for records that may have to be forgotten.

use super::advance::narrowed;
use super::config::TrainConfig;
use super::fit::{Fit, Term};
use super::progress::FitState;
use crate::error::{Error, Result};
use crate::records::Session;

/// A step that is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Delta {
    /// From 0.
    pub step: u64,
    /// The keys ([`Session::keys`]) of those records of its batch that may have to be forgotten.
    pub keys: Vec<u64>,
    /// What it added to the parameters, padded flat vector.
    pub added: Vec<f32>,
}

/// Where steps are kept.
pub trait Deltas: std::fmt::Debug {
    /// How many there are.
    fn count(&self) -> usize;

    /// Whether every batch of the record with this key was kept.
    fn covers(&self, key: u64) -> bool;

    /// Shows each in turn; those that `takes` does not take go into the new run, for later requests.
    ///
    /// # Errors
    /// A file that was changed or cannot be written; what `takes` returns.
    fn each(&self, takes: &mut dyn FnMut(Delta) -> Result<bool>) -> Result<()>;
}

impl TrainConfig {
    /// # Errors
    /// What a training that keeps its steps cannot be.
    pub(super) fn check_deltas(&self) -> Result<()> {
        let Some(deltas) = &self.deltas else { return Ok(()) };
        if deltas.most_bytes == 0 {
            return Err(Error::input("train.deltas.most_bytes must be 1 or more"));
        }
        let lacks = [
            (self.slices.is_some(), "[train.slices] has checkpoints that are exact, for `sisa`"),
            (self.dp.is_some(), "[train.dp] draws each record by itself, and promises not to need it"),
            (self.coupled.is_some(), "[train.coupled] keeps a trace that is exact, for `coupling`"),
            (self.ema > 0.0, "train.ema ends with an average of weights, which is no sum of steps"),
            (self.early_stopping.is_some(), "train.early_stopping ends with earlier weights than the last step's"),
        ];
        match lacks.iter().find(|(lack, _)| *lack) {
            Some((_, why)) => {
                Err(Error::input(format!("train.deltas does not go with all else: {why}; leave one out")))
            }
            None => Ok(()),
        }
    }
}

impl Fit {
    /// The steps of a training on `all` whose batch has one of `records`, ascending positions, each with those that it
    /// has; of all records where there are none.
    ///
    /// # Errors
    /// Records that cannot be told apart, where the recipe needs it.
    pub fn steps_with(&self, session: &Session, all: &Term, records: Option<&[u32]>) -> Result<Vec<(u64, Vec<u32>)>> {
        let mut found = Vec::new();
        let mut step = 0;
        for epoch in 0..self.config.epochs {
            let state = FitState { epoch, step, ..FitState::default() };
            let stage = self.stage(session, all.records.indices, epoch)?;
            let terms = &narrowed(&[*all], &stage)[..];
            let (per_epoch, batches) = (self.steps_per_epoch(terms), self.batches(session, &state, terms, &stage));
            for at in 0..per_epoch {
                let mut batch = batches.group(at, per_epoch, 1).swap_remove(0).swap_remove(0);
                batch.retain(|record| records.is_none_or(|known| known.binary_search(record).is_ok()));
                if !batch.is_empty() {
                    found.push((step + at as u64, batch));
                }
            }
            step += per_epoch as u64;
        }
        Ok(found)
    }
}

/// Follows a fit of single steps, and takes what those steps add that are wanted.
#[derive(Debug, Default)]
pub struct Following {
    /// Ascending.
    steps: Vec<u64>,
    next: usize,
    /// The parameters before the step that is next.
    before: Vec<f32>,
}

impl Following {
    /// Of a fit that has taken `done` steps.
    pub fn of(steps: Vec<u64>, done: u64) -> Following {
        let next = steps.partition_point(|step| *step < done);
        Following { steps, next, before: Vec::new() }
    }

    /// After how many steps the parameters are wanted next.
    pub fn wanted(&self) -> Option<u64> {
        let step = *self.steps.get(self.next)?;
        Some(if self.before.is_empty() { step } else { step + 1 })
    }

    /// Looks at the parameters after `done` steps: the step that they end, with what it added, if it is one of them.
    ///
    /// # Errors
    /// A lost device.
    pub fn look(&mut self, session: &mut Session, done: u64) -> Result<Option<(u64, Vec<f32>)>> {
        if self.wanted() != Some(done) {
            return Ok(None);
        }
        let mut theta = session.read_theta()?;
        theta.truncate(session.model.layout.total());
        let mut ended = None;
        if !self.before.is_empty() {
            let added = theta.iter().zip(&self.before).map(|(a, b)| (f64::from(*a) - f64::from(*b)) as f32);
            ended = Some((done - 1, added.collect()));
            self.before.clear();
            self.next += 1;
        }
        // It may be the beginning of the next one too.
        if self.wanted() == Some(done) {
            self.before = theta;
        }
        Ok(ended)
    }
}
