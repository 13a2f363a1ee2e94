//! Who watches a stack: told of its epochs while nothing of the model is in flight, and given each model at the end.

use super::lane::Lane;
use super::{Fit, Trained};
use crate::engine::Precision;
use crate::error::Result;
use crate::records::Session;
use crate::statistics::Score;
use crate::train::to_end::Flow;
use crate::train::{EpochReport, FitState};

/// Who watches stacks of models.
pub trait Crew {
    /// Whether to look for NaN and Inf after every dispatch.
    fn check_finite(&self) -> bool {
        false
    }

    /// A stack of the jobs from `first` on holds its memory and is compiled: each model's steps that are done, of how
    /// many.
    ///
    /// # Errors
    /// End the training with what is returned.
    fn begin(&mut self, _session: &mut Session, _first: usize, _steps: &[(u64, u64)]) -> Result<()> {
        Ok(())
    }

    /// `what` was too large for the stack, and so many models at most go into the next.
    fn smaller(&mut self, _models: usize, _what: &str) {}

    /// So many steps more are done, those of all models added up.
    fn stepped(&mut self, _steps: usize) {}

    /// An epoch of a model is done and nothing of it is in flight; [`Flow::Stop`] ends its training there.
    ///
    /// # Errors
    /// End the training of all with what is returned.
    fn epoch(&mut self, at: &mut Standing, report: &EpochReport, score: Option<Score>) -> Result<Flow>;

    /// The stack is done: what became of a job, and the dispatches of a step.
    ///
    /// # Errors
    /// End the training of all with what is returned.
    fn ended(&mut self, session: &mut Session, job: usize, trained: Trained, dispatches: usize) -> Result<()>;
}

/// A model of a stack at the end of an epoch.
pub struct Standing<'s, 'e, 'a> {
    /// Its number among all.
    pub job: usize,
    pub(super) session: &'s mut Session<'e>,
    pub(super) shared: &'s Fit,
    pub(super) lane: &'s mut Lane<'a>,
}

impl Standing<'_, '_, '_> {
    /// Where its fit stands; the optimiser's vectors are in [`Standing::read`].
    pub fn fit(&self) -> &Fit {
        &self.lane.fit
    }

    /// In what numbers products are computed.
    pub fn precision(&self) -> Precision {
        self.session.engine.precision()
    }

    /// Everything that a continuation depends on: the network's numbers, and the state of the fit.
    ///
    /// # Errors
    /// A lost device.
    pub fn read(&mut self) -> Result<(Vec<f32>, FitState)> {
        Ok((self.lane.theta(self.session)?, self.lane.state(self.session, self.shared)?))
    }

    /// Goes on with what was read, as [`Fit::take_up`] does.
    ///
    /// # Errors
    /// A lost device.
    pub fn take_up(&mut self, theta: &[f32], state: &FitState) -> Result<()> {
        let to = self.session.values_of(self.lane.model);
        self.session.write_values(to, theta)?;
        self.lane.fit.restore_part(self.session, self.lane.model, state)
    }
}

/// Keeps what became of each.
pub(super) struct Gathered<O> {
    pub observe: O,
    pub trained: Vec<Trained>,
}

impl<O: FnMut(usize, &EpochReport) -> Result<()>> Crew for Gathered<O> {
    fn epoch(&mut self, at: &mut Standing, report: &EpochReport, _score: Option<Score>) -> Result<Flow> {
        (self.observe)(at.job, report)?;
        Ok(Flow::Continue)
    }

    fn ended(&mut self, _session: &mut Session, _job: usize, trained: Trained, _dispatches: usize) -> Result<()> {
        self.trained.push(trained);
        Ok(())
    }
}
