//! A training that is watched by the records to forget, and ends when they have come to a goal.

use serde_json::json;

use super::account::{Account, StoppedBy};
use super::harm::{Guard, Harm};
use super::stop::Goal;
use crate::error::Result;
use crate::methods::{Read, View};
use crate::records::{Records, Session};
use crate::statistics::{self, Score};
use crate::train::{EpochReport, Fit, Flow, Observer, StepReport, Term, train_to_end};

/// How often an epoch looks at the forgotten records.
pub const LOOKS: u64 = 4;

/// What ends a descent before its epochs are over.
#[derive(Clone, Copy, Debug)]
pub struct Until {
    /// What the forgotten records are to come to, and the name of the rule that says so.
    pub goal: (Goal, &'static str),
    /// What it may cost the others.
    pub harm: Option<Harm>,
}

/// Fits until the forgotten records have come to the goal, the others would be harmed, or the epochs are over; returns
/// the steps taken, and notes the rest.
///
/// # Errors
/// Those of the fit.
pub fn descend(
    session: &mut Session,
    fit: &mut Fit,
    terms: &[Term],
    view: &View,
    until: Until,
    account: &mut Account,
) -> Result<u64> {
    let (goal, rule) = until.goal;
    // Drawn labels are of the records before the request: a record is forgotten by its own.
    let relabelled = session.is_relabelled();
    let forget = if relabelled { Records::train(view.forget) } else { Records::before(view.forget) };
    let guard = until.harm.map(|harm| harm.guard(session, view)).transpose()?.flatten();
    if guard.is_some() {
        account.reads_too(Read::ValidationData);
    }
    let every = (fit.steps_per_epoch(terms) as u64 / LOOKS).max(1);
    let last = seen(session, forget, goal)?;
    let mut watch = Descent { forget, goal, guard, every, last, turned_back: false };
    let steps = if goal.reached(&watch.last) { 0 } else { train_to_end(fit, session, terms, &mut watch)? };
    goal.describe(rule, account);
    account.note("last", json!(watch.last));
    if watch.turned_back {
        account.details.stopped_by = Some(StoppedBy::Harm);
    }
    Ok(steps)
}

fn seen(session: &mut Session, forget: Records, goal: Goal) -> Result<Score> {
    let score = statistics::score(session, forget)?;
    goal.completed(session, forget, score)
}

/// Looks at the forgotten records, and at the held-out ones, some times an epoch and at its end.
struct Descent<'a> {
    forget: Records<'a>,
    goal: Goal,
    guard: Option<Guard>,
    /// Steps between two looks.
    every: u64,
    last: Score,
    turned_back: bool,
}

impl Descent<'_> {
    fn look(&mut self, session: &mut Session) -> Result<Flow> {
        if let Some(guard) = &mut self.guard {
            self.turned_back = guard.turned_back(session)?;
        }
        self.last = seen(session, self.forget, self.goal)?;
        Ok(if self.turned_back || self.goal.reached(&self.last) { Flow::Stop } else { Flow::Continue })
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
