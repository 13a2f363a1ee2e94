//! One thing to check, and what its run found.

use std::rc::Rc;

use super::{Status, Timed, grad, kernels_of, perf, support};
use crate::engine::Engine;
use crate::engine::case::Case;
use crate::error::{Error, Result};
use crate::harness::compare::Distance;
use crate::harness::nets::Net;
use crate::harness::trial::{self, Outcome};

/// One thing to check, with what it needs.
pub struct Item {
    /// Unique among those of its kind.
    pub name: String,
    /// The kernels that it records, where they are known before it runs.
    pub kernels: Vec<&'static str>,
    pub(super) work: Work,
}

type Trial = dyn Fn(&mut Engine) -> Result<Verdict>;

pub(super) enum Work {
    Case(Box<Case>),
    /// Timed, after it was found right.
    Timed(Box<Case>),
    /// Compiled, not run.
    Compiled(Box<Case>),
    Network(Rc<Net>, grad::Subject),
    Other(Box<Trial>),
}

/// What an item's run found.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// What became of it.
    pub status: Status,
    /// Distance from the twin.
    pub worst: Option<Distance>,
    /// What differed, or why it was not run.
    pub message: Option<String>,
    /// What it took, where it was timed.
    pub timed: Option<Timed>,
}

impl Verdict {
    pub(super) fn new(status: Status, message: impl Into<String>) -> Verdict {
        Verdict { status, worst: None, message: Some(message.into()), timed: None }
    }

    pub(super) fn pass() -> Verdict {
        Verdict { status: Status::Pass, worst: None, message: None, timed: None }
    }
}

impl From<Outcome> for Verdict {
    fn from(outcome: Outcome) -> Verdict {
        match outcome {
            Outcome::Pass(worst) => Verdict { worst: Some(worst), ..Verdict::pass() },
            Outcome::Fail(f) => Verdict { worst: f.distance, ..Verdict::new(Status::Fail, f.what) },
            Outcome::Unsupported(feature) => Verdict::new(Status::Unsupported, feature),
        }
    }
}

impl Item {
    /// A case, named after itself.
    pub(super) fn of(work: Work) -> Item {
        let (name, kernels) = match &work {
            Work::Case(c) | Work::Timed(c) => (c.name.clone(), kernels_of(c)),
            _ => (String::new(), Vec::new()),
        };
        Item { name, kernels, work }
    }

    pub(super) fn named(name: impl Into<String>, work: Work) -> Item {
        Item { name: name.into(), kernels: Vec::new(), work }
    }

    /// The case behind the item, where there is one.
    pub fn case(&self) -> Option<&Case> {
        match &self.work {
            Work::Case(c) | Work::Timed(c) | Work::Compiled(c) => Some(c),
            _ => None,
        }
    }

    /// Runs the item on an engine.
    ///
    /// # Errors
    /// The device failed, or a recording does not fit its shaders.
    pub fn run(&self, engine: &mut Engine) -> Result<Verdict> {
        match &self.work {
            Work::Case(case) => Ok(trial::trial(engine, case)?.into()),
            Work::Timed(case) => perf::time(engine, case),
            Work::Compiled(case) => support::compile(engine, case),
            Work::Network(net, subject) => grad::check(engine, net, *subject),
            Work::Other(run) => run(engine),
        }
    }
}

/// What an error of a run says about the item.
pub(super) fn verdict_of(error: Error, lost: bool) -> Verdict {
    let status = match &error {
        _ if lost => Status::Crash,
        Error::Unsupported(_) => Status::Unsupported,
        _ => Status::Fail,
    };
    let goes_on = if lost { "; its process ends and a new one continues" } else { "" };
    Verdict::new(status, format!("{error}{goes_on}"))
}
