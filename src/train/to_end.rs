//! The one training loop: `train`, experiments, retraining and every method that trains go through it.

use std::time::Instant;

use super::config::TrainConfig;
use super::fit::{Fit, Term};
use super::progress::{EpochReport, Progress, StepReport};
use crate::error::Result;
use crate::records::{Passed, Session};

/// Whether training goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Go on.
    Continue,
    /// Stop after this step; what was done is kept.
    Stop,
}

/// Who watches a training, and may pause or end it. Every default does nothing, so `()` trains to the end unwatched.
pub trait Observer {
    /// A step is done; `false` asks for a pause, which comes when the steps in flight are done too.
    fn step(&mut self, _report: &StepReport) -> bool {
        true
    }

    /// An epoch is done and nothing is in flight: parameters and the fit's state agree.
    ///
    /// # Errors
    /// End the training with what is returned.
    fn epoch(&mut self, _session: &mut Session, _fit: &mut Fit, _report: &EpochReport) -> Result<Flow> {
        Ok(Flow::Continue)
    }

    /// A pause within an epoch, as [`Observer::step`] asked; parameters and the fit's state agree.
    ///
    /// # Errors
    /// End the training with what is returned.
    fn paused(&mut self, _session: &mut Session, _fit: &mut Fit) -> Result<Flow> {
        Ok(Flow::Continue)
    }
}

impl Observer for () {}

/// Runs a fit from where it stands until its epochs are over, early stopping ends it, or the observer stops it. The
/// session then has the weights that the recipe ends with: the best by validation or the average, where it asks for
/// them; the last step's, where it does not or the observer stopped it. Returns the number of steps that it has taken
/// since its start.
///
/// # Errors
/// An empty set of records, a loss that is not finite, a lost device; whatever the observer returns.
pub fn train_to_end(fit: &mut Fit, session: &mut Session, terms: &[Term], observer: &mut dyn Observer) -> Result<u64> {
    let mut began = Instant::now();
    while !fit.stopped() {
        let flow = match fit.advance(session, terms, |report| observer.step(report))? {
            Progress::Epoch(report) => {
                fit.judge(session, &report)?;
                session.trail.push(report.passed(began.elapsed().as_secs_f64()));
                began = Instant::now();
                observer.epoch(session, fit, &report)?
            }
            Progress::Paused => observer.paused(session, fit)?,
            Progress::Done => break,
        };
        if flow == Flow::Stop {
            return Ok(fit.steps_taken());
        }
    }
    fit.serve(session)?;
    Ok(fit.steps_taken())
}

impl EpochReport {
    /// What is kept of an epoch that took so long.
    pub(crate) fn passed(&self, seconds: f64) -> Passed {
        let EpochReport { epoch, step, loss, accuracy, lr, .. } = *self;
        Passed { epoch, step, loss, accuracy, lr, seconds }
    }
}

/// A new fit, run to its end unwatched; returns the number of steps.
///
/// # Errors
/// As [`train_to_end`]; a recipe that does not suit the session.
pub fn fit_to_end(session: &mut Session, config: &TrainConfig, seed: u64, terms: &[Term]) -> Result<u64> {
    train_to_end(&mut Fit::new(session, config, seed)?, session, terms, &mut ())
}
