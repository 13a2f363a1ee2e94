//! A fit that ends at a step.

use crate::error::Result;
use crate::records::Session;
use crate::train::{EpochReport, Fit, Flow, Observer, StepReport};

/// Stops a fit of single steps once so many are done, counted from the fit's first; [`Fit::pause_at`] is to be told.
pub struct Until(pub u64);

impl Observer for Until {
    fn step(&mut self, report: &StepReport) -> bool {
        report.step < self.0
    }

    fn paused(&mut self, _session: &mut Session, fit: &mut Fit) -> Result<Flow> {
        Ok(if fit.steps_taken() < self.0 { Flow::Continue } else { Flow::Stop })
    }

    fn epoch(&mut self, session: &mut Session, fit: &mut Fit, _report: &EpochReport) -> Result<Flow> {
        self.paused(session, fit)
    }
}
