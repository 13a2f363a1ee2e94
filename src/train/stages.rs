//! The stages of a training in slices: which records each learns, where it begins, and its learning rates.

use super::config::TrainConfig;
use super::fit::{Fit, Term};
use super::slices::{Carry, Slices, Stage};
use crate::error::{Error, Result};
use crate::records::Session;

impl TrainConfig {
    /// Epochs of each stage; all where there are no slices.
    pub fn stage_epochs(&self) -> usize {
        self.slices.map_or(self.epochs, |slices| (self.epochs / slices.count).max(1))
    }

    /// Whether so many epochs end a stage that is not the last.
    pub fn ends_stage(&self, epochs: usize) -> bool {
        self.slices.is_some() && epochs < self.epochs && epochs.is_multiple_of(self.stage_epochs())
    }

    /// # Errors
    /// Numbers out of range, and what slices cannot be combined with.
    pub(super) fn check_slices(&self) -> Result<()> {
        let Some(slices) = self.slices else { return Ok(()) };
        let fail = |key: &str, why: &str| Err(Error::input(format!("train.{key} {why}")));
        if !(1..=64).contains(&slices.count) {
            return fail("slices.count", "must be from 1 to 64");
        }
        if !self.epochs.is_multiple_of(slices.count) {
            return fail("epochs", &format!("must be a multiple of train.slices.count, {}", slices.count));
        }
        let lacks = [
            (self.dp.is_some(), "dp", "each step draws from all records"),
            (self.early_stopping.is_some(), "early_stopping", "a stage has its epochs"),
            (self.objective_noise > 0.0, "objective_noise", "its term is that of one set of records"),
        ];
        match lacks.iter().find(|(lack, ..)| *lack) {
            Some((_, key, why)) => fail(key, &format!("does not go with [train.slices]: {why}; leave one of them out")),
            None => Ok(()),
        }
    }
}

impl Fit {
    /// The stage that an epoch is of, over these records; none where the recipe has no slices.
    pub(crate) fn stage(&self, session: &Session, records: &[u32], epoch: usize) -> Result<Option<Stage>> {
        let Some(slices) = self.config.slices else { return Ok(None) };
        let drawn = slices_of(session, records, self.seed, slices.count)?;
        let index = (epoch / self.config.stage_epochs()).min(slices.count - 1);
        // Where all of the first slices are gone, the stages before the first record begin with that.
        let least = drawn.iter().copied().min().unwrap_or(0);
        let until = |stage: usize| stage.max(least);
        let steps = |stage: usize| {
            let count = drawn.iter().filter(|slice| **slice <= until(stage)).count();
            (count.div_ceil(self.batch_size) * self.config.stage_epochs()) as u64
        };
        let first = (0..index).map(steps).sum();
        let learned = records.iter().zip(&drawn).filter(|(_, slice)| **slice <= until(index));
        Ok(Some(Stage { index, first, records: learned.map(|(record, _)| *record).collect() }))
    }

    /// Where the stage that the fit stands in begins, and its records in the place of the first term's.
    pub(crate) fn enter(&mut self, session: &mut Session, terms: &[Term]) -> Result<Option<Stage>> {
        let stage = self.stage(session, terms[0].records.indices, self.state.epoch)?;
        if let Some(stage) = &stage {
            if terms.len() > 1 {
                return Err(Error::internal("training in slices has one set of records"));
            }
            self.begun = stage.first;
            if self.restarts(stage) {
                let zeros = vec![0.0; session.model.layout.total()];
                self.vectors.iter().try_for_each(|v| session.engine.write(*v, &zeros))?;
            }
        }
        Ok(stage)
    }

    /// Whether the optimiser's state begins anew here, where a stage does.
    pub(crate) fn restarts(&self, stage: &Stage) -> bool {
        let begins = self.state.step == stage.first && self.state.at == 0 && stage.index > 0;
        begins && self.config.slices.is_some_and(|slices| slices.optimizer == Carry::Restart)
    }

    /// Steps of the whole fit over these records.
    ///
    /// # Errors
    /// Records that cannot be told apart, where the recipe has slices.
    pub fn steps(&self, session: &Session, terms: &[Term]) -> Result<u64> {
        let stages = self.config.slices.map_or(1, |slices| slices.count);
        let mut steps = 0;
        for stage in 0..stages {
            let epoch = stage * self.config.stage_epochs();
            let entered = self.stage(session, terms[0].records.indices, epoch)?;
            let records = entered.map_or(terms[0].records.indices.len(), |stage| stage.records.len());
            steps += (records.div_ceil(self.batch_size) * self.config.stage_epochs()) as u64;
        }
        Ok(steps)
    }

    /// The learning rate of a step in an epoch of so many.
    pub(crate) fn lr(&self, step: u64, per_epoch: usize) -> f64 {
        self.course.lr_at(step.saturating_sub(self.begun), per_epoch)
    }

    /// How many updates the optimiser has behind it with this step.
    pub(crate) fn updates(&self, step: u64) -> u64 {
        match self.config.slices {
            Some(Slices { optimizer: Carry::Restart, .. }) => step.saturating_sub(self.begun) + 1,
            _ => step + 1,
        }
    }
}

/// The slice of each of these records.
fn slices_of(session: &Session, records: &[u32], seed: u64, count: usize) -> Result<Vec<usize>> {
    if session.keys().is_empty() {
        return Err(Error::input(
            "train.slices takes records that are told apart by what they are called or hold, and these are not",
        ));
    }
    Ok(records.iter().map(|record| session.slice(*record, seed, count)).collect())
}
