//! The step that Fisher Removal and Fisher Forgetting share: along the forget gradient, divided by the Fisher diagonal
//! of the retained records.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::engine::{Data, Program};
use crate::kernels::edit;
use crate::kernels::reduce;
use crate::methods::prelude::*;

/// theta += gamma (F_R + delta · mean F_R)⁻¹ ∇L_F, once or several times, F_R and ∇L_F taken anew before each. Without
/// a gamma the step is the shortest that brings the forgotten records `part` of the way to the goal (a k-th of it each
/// of k steps): no number serves all nets, for F differs by orders of magnitude, and what ½ sᵀ F s says of a step's
/// cost is off by a hundred where F is a diagonal (digits).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::methods) struct FisherStep {
    steps: usize,
    gamma: Option<f64>,
    part: f64,
    #[serde(flatten)]
    rule: StopRule,
    pub delta: f64,
    estimator: Estimator,
}

/// What a step was.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
struct Taken {
    pub gamma: f64,
    /// The forgotten records where it ends.
    pub forget: Score,
}

/// Where the steps of a run are to go.
#[derive(Clone, Copy, Debug)]
struct Way {
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
    /// Its settings; `part` is the default of the setting of that name.
    pub const fn settings(part: &'static str) -> [Setting; 8] {
        let rule = StopRule::SETTINGS;
        [
            count("steps", "1", 1, "Steps; F_R and the gradient are taken anew before each."),
            real(
                "gamma",
                ABSENT,
                Range::POSITIVE,
                "Length. Absent: the shortest that comes `part` of the way to the goal.",
            ),
            real("part", part, Range::PART, "Of the way from where the forgotten records are to the goal."),
            rule[0],
            rule[1],
            rule[2],
            real("delta", "0.1", Range::POSITIVE, "Damping in units of the mean Fisher value."),
            estimator("estimator", "per_sample", "Of F_R; the empirical one is the source's."),
        ]
    }

    /// Forgets in `steps` rounds: F_R is measured, a step taken, and `after` called with F_R as it was before the step
    /// and the round's number, from 0. The first F_R counts as precomputed: at the parameters that training left it
    /// could be kept.
    pub(in crate::methods) fn run(
        &self,
        session: &mut Session,
        view: &View,
        mut after: impl FnMut(&mut Session, &Importance, usize) -> Result<()>,
    ) -> Result<Account> {
        let origin = Origin::of(session)?;
        let mut account = Account::reading(&[Read::RetainData, Read::ForgetData]);
        let (mut method_s, mut taken) = (0.0, Vec::new());
        let way = timed(&mut method_s, || self.way(session, view, &mut account))?;
        for round in 0..self.steps {
            let clock = if round == 0 { &mut account.precompute_s } else { &mut method_s };
            let fisher = timed(clock, || Importance::of_retained(session, view.retain, self.estimator))?;
            if round == 0 {
                account.note("importance", json!([fisher.describe()]));
            }
            timed(&mut method_s, || {
                taken.push(self.take(session, view, &fisher, way, round)?);
                after(session, &fisher, round)
            })?;
        }
        account.method_s = method_s;
        account.took(taken.len() as u64);
        account.note("taken", json!(taken));
        account.close(session, &origin)
    }

    /// The way to go; none where gamma says how far.
    fn way(&self, session: &mut Session, view: &View, account: &mut Account) -> Result<Option<Way>> {
        if self.gamma.is_some() {
            return Ok(None);
        }
        let (goal, rule) = self.rule.goal(session, view)?;
        goal.describe(rule, account);
        Ok(Some(Way { goal, first: statistics::score(session, Records::before(view.forget))? }))
    }

    /// Takes step `at` (0 is the first) with the Fisher diagonal that was measured where the session stands.
    fn take(
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
