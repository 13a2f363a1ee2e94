//! A training that is watched by the records to forget, and ends when they have come to a goal.

use super::stop::Goal;
use crate::error::Result;
use crate::records::{Records, Session};
use crate::statistics::{self, Score};
use crate::train::{EpochReport, Fit, Flow, Observer, StepReport, Term, train_to_end};

/// How often an epoch looks at the forgotten records.
const CHECKS: u64 = 4;

/// Fits until the forgotten records have come to the goal or the epochs are over; returns the steps taken and the
/// forgotten records' score.
///
/// # Errors
/// Those of the fit.
pub fn descend(
    session: &mut Session,
    fit: &mut Fit,
    terms: &[Term],
    forget: &[u32],
    goal: Goal,
) -> Result<(u64, Score)> {
    // Drawn labels are of the records before the request: a record is forgotten by its own.
    let forget = if session.is_relabelled() { Records::train(forget) } else { Records::before(forget) };
    let every = (fit.steps_per_epoch(terms) as u64 / CHECKS).max(1);
    let mut watch = Descent { forget, goal, every, score: seen(session, forget, goal)? };
    if goal.reached(&watch.score) {
        return Ok((0, watch.score));
    }
    let steps = train_to_end(fit, session, terms, &mut watch)?;
    Ok((steps, watch.score))
}

fn seen(session: &mut Session, forget: Records, goal: Goal) -> Result<Score> {
    let score = statistics::score(session, forget)?;
    goal.completed(session, forget, score)
}

/// Looks at the forgotten records some times an epoch and at its end.
struct Descent<'a> {
    forget: Records<'a>,
    goal: Goal,
    /// Steps between two looks.
    every: u64,
    score: Score,
}

impl Descent<'_> {
    fn look(&mut self, session: &mut Session) -> Result<Flow> {
        self.score = seen(session, self.forget, self.goal)?;
        Ok(if self.goal.reached(&self.score) { Flow::Stop } else { Flow::Continue })
    }
}

impl Observer for Descent<'_> {
    fn step(&mut self, report: &StepReport) -> bool {
        // A pause comes some steps after it is asked for; how many follows from the configuration alone.
        !report.step.is_multiple_of(self.every)
    }

    fn epoch(&mut self, session: &mut Session, _fit: &mut Fit, _report: &EpochReport) -> Result<Flow> {
        self.look(session)
    }

    fn paused(&mut self, session: &mut Session, _fit: &mut Fit) -> Result<Flow> {
        self.look(session)
    }
}
