//! The step that Fisher Removal and Fisher Forgetting share: along the forget gradient, divided by the Fisher diagonal of
//! the retained records.

use crate::statistics::{self, Estimator, Importance, Score};
use serde::{Deserialize, Serialize};

use crate::engine::{Data, Program};
use crate::error::Result;
use crate::kernels::edit;
use crate::kernels::reduce;
use crate::methods::shared::settings::{check, positive};
use crate::methods::shared::stop::{Goal, Stop};
use crate::methods::{Account, View};
use crate::records::{Records, Session};

/// theta += gamma (F_R + delta · mean F_R)⁻¹ ∇L_F, once or several times, F_R and ∇L_F taken anew before each.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct FisherStep {
    pub steps: usize,
    /// Absent: the shortest step that brings the forgotten records `part` of the way to the goal (a k-th of it each of k
    /// steps). No number serves all nets: F differs by orders of magnitude, and what ½ sᵀ F s says of a step's cost is off
    /// by a hundred where F is a diagonal (digits).
    pub gamma: Option<f64>,
    /// Of the way from where the forgotten records are to the goal.
    pub part: f64,
    /// The goal, as in an ascent.
    pub stop: Stop,
    /// Forget loss to go for, in the place of `stop`.
    pub target_loss: Option<f64>,
    /// Where `stop = "accuracy"` ends.
    pub target_accuracy: f64,
    /// Damping in units of the mean Fisher value.
    pub delta: f64,
    /// Of F_R. `per_sample`, the empirical one, is the source's.
    pub estimator: Estimator,
}

impl Default for FisherStep {
    fn default() -> Self {
        FisherStep {
            steps: 1,
            gamma: None,
            part: 1.0,
            stop: Stop::Auto,
            target_loss: None,
            target_accuracy: 0.01,
            delta: 0.1,
            estimator: Estimator::PerSample,
        }
    }
}

/// What a step was.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(in crate::methods) struct Taken {
    pub gamma: f64,
    /// The forgotten records where it ends.
    pub forget: Score,
}

/// Where the steps of a run are to go.
#[derive(Clone, Copy, Debug)]
pub(in crate::methods) struct Way {
    goal: Goal,
    first: Score,
}

/// A step's first trial moves the parameters by this part of their length.
const FIRST: f64 = 1e-3;

/// Doublings of the trial at most, and halvings of the bracket: a thousandth of the length.
const DOUBLINGS: usize = 30;
const HALVINGS: usize = 10;

/// How near the goal is near enough.
const TOLERANCE: f64 = 0.01;

impl FisherStep {
    pub(in crate::methods) fn check(&self, method: &str) -> Result<()> {
        check(
            method,
            &[
                ("steps", self.steps > 0, "1 or more"),
                ("gamma", self.gamma.is_none_or(positive), "a positive number"),
                ("part", self.part > 0.0 && self.part <= 1.0, "above 0 and at most 1"),
                ("stop", self.stop != Stop::Never, "a rule: the loss of an ascent has no upper bound"),
                ("target_loss", self.target_loss.is_none_or(positive), "a positive number"),
                ("target_accuracy", (0.0..1.0).contains(&self.target_accuracy), "in [0, 1)"),
                ("delta", positive(self.delta), "a positive number"),
            ],
        )
    }

    /// The way to go; none where gamma says how far.
    pub(in crate::methods) fn way(
        &self,
        session: &mut Session,
        view: &View,
        account: &mut Account,
    ) -> Result<Option<Way>> {
        if self.gamma.is_some() {
            return Ok(None);
        }
        let (goal, rule) = Goal::of(self.stop, self.target_loss, self.target_accuracy, session, view)?;
        goal.describe(rule, account);
        Ok(Some(Way { goal, first: statistics::score(session, Records::before(view.forget))? }))
    }

    /// Takes step `at` (0 is the first) with the Fisher diagonal that was measured where the session stands.
    pub(in crate::methods) fn take(
        &self,
        session: &mut Session,
        view: &View,
        fisher: &Importance,
        way: Option<Way>,
        at: usize,
    ) -> Result<Taken> {
        let forget = Records::before(view.forget);
        statistics::gradient(session, forget, (1.0 / view.forget.len().max(1) as f64) as f32, false)?;
        let (theta, grad, parameters) = (session.theta, session.grad, session.model.layout.count());
        let (start, heading) = (session.vector("fisher_step.start")?, session.vector("fisher_step.heading")?);
        let out = session.run(|rec| {
            let [mean, long, of] = ["mean", "length2", "norm2"].map(|name| rec.temp(name, 1));
            fisher.record_mean(rec, parameters, mean);
            edit::precondition(rec, grad, fisher.values, mean, self.delta as f32, heading);
            rec.copy(theta, start);
            reduce::total(rec, heading, long, 1.0, true);
            reduce::total(rec, theta, of, 1.0, true);
            rec.readback(long);
            rec.readback(of);
            Ok(())
        })?;
        let [long, of] = [0, 1].map(|i| f64::from(out[i].f32()[0]).sqrt());
        let mut rec = session.recording();
        let gamma = rec.temp("gamma", 1);
        rec.upload(gamma);
        rec.copy(start, theta);
        edit::step(&mut rec, theta, heading, gamma, 1.0);
        let place = session.compile(rec)?;
        match (self.gamma, way) {
            (None, Some(way)) if long > 0.0 => {
                let goal = way.goal.towards(&way.first, self.part * (at + 1) as f64 / self.steps as f64);
                search(session, &place, forget, goal, FIRST * of.max(1e-6) / long)
            }
            (gamma, _) => put(session, &place, forget, gamma.unwrap_or(0.0)),
        }
    }
}

/// Goes to theta + gamma · heading and looks at the forgotten records.
fn put(session: &mut Session, place: &Program, forget: Records, gamma: f64) -> Result<Taken> {
    session.engine.run(place, &[Data::F32(vec![gamma as f32])])?;
    Ok(Taken { gamma, forget: statistics::score(session, forget)? })
}

/// The shortest step that reaches the goal, from a first trial of length `gamma`: doubled until it does, then narrowed.
fn search(session: &mut Session, place: &Program, forget: Records, goal: Goal, mut gamma: f64) -> Result<Taken> {
    let mut low = 0.0;
    let mut high = put(session, place, forget, low)?;
    for _ in 0..DOUBLINGS {
        if goal.reached(&high.forget) {
            break;
        }
        (low, high) = (high.gamma, put(session, place, forget, gamma)?);
        gamma *= 2.0;
    }
    for _ in 0..HALVINGS {
        if goal.met(&high.forget, TOLERANCE) {
            break;
        }
        let middle = put(session, place, forget, 0.5 * (low + high.gamma))?;
        if goal.reached(&middle.forget) { high = middle } else { low = middle.gamma }
    }
    // The last trial may have been the shorter one.
    put(session, place, forget, high.gamma)
}
