//! What is noted of an original's training.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Error, Result};
use crate::records::Session;
use crate::run::curve::CurvePoint;
use crate::train::{EpochReport, Fit, Flow, Observer, StepReport};

/// Looks at the validation part during a training, at most.
const LOOKS: usize = 50;

/// Draws the curve of an original's training, and ends it on Ctrl-C.
pub(super) struct OriginalWatch<'a> {
    interrupted: &'a AtomicBool,
    validation: Vec<u32>,
    /// Epochs from one look at them to the next: a picture needs no more.
    stride: usize,
    /// The epochs so far.
    pub points: Vec<CurvePoint>,
}

impl<'a> OriginalWatch<'a> {
    /// Over so many epochs, with the validation records.
    pub fn new(interrupted: &'a AtomicBool, validation: Vec<u32>, epochs: usize) -> OriginalWatch<'a> {
        let stride = epochs.div_ceil(LOOKS).max(1);
        OriginalWatch { interrupted, validation, stride, points: Vec::new() }
    }
}

impl Observer for OriginalWatch<'_> {
    fn step(&mut self, _report: &StepReport) -> bool {
        !self.interrupted.load(Ordering::Relaxed)
    }

    fn epoch(&mut self, session: &mut Session, fit: &mut Fit, e: &EpochReport) -> Result<Flow> {
        let looked = e.epoch.is_multiple_of(self.stride);
        let validation = if looked { fit.validate(session, &self.validation)? } else { None };
        let passed = session.trail.last().map(CurvePoint::from);
        self.points.extend(passed.map(|point| CurvePoint { validation, ..point }));
        Ok(Flow::Continue)
    }

    fn paused(&mut self, _session: &mut Session, _fit: &mut Fit) -> Result<Flow> {
        Err(interrupted())
    }
}

/// What an interruption is told as.
pub(super) fn interrupted() -> Error {
    Error::Interrupted("interrupted; nothing was written, so run the same command again".into())
}
