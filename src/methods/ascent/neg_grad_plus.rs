//! NegGrad+: descent on the retained records and ascent on those to forget, in one objective.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::methods::prelude::*;

pub(crate) static ROW: MethodRow = MethodRow {
    name: "neg_grad_plus",
    summary: "minimises alpha L_retain - (1 - alpha) L_forget for some epochs, gradient clipped",
    citation: "Kurmanji et al., NeurIPS 2023 (SCRUB), baseline NegGrad+",
    tier: Tier::Approximate,
    role: Role::Method,
    takes: CLASSIFIED,
    settings: &[
        &[real(
            "alpha",
            "0.95",
            Range::UNIT,
            "Weight of the retained records' loss; DeepUnlearn's (0.9999 there for confused classes).",
        )],
        &Sgd::settings(
            ("0.01", "DeepUnlearn's."),
            ("5", "Passes over the retained records; DeepUnlearn's lower end."),
            "constant",
        ),
        &[real(
            "clip_norm",
            "0.2",
            Range::NONE_OR_MORE,
            "Longest gradient; public code has 0.5, which leaps past the goal between two looks at it.",
        )],
        &StopRule::OR_NEVER,
    ],
    build: |table| settings::build::<NegGradPlus>(&ROW, table),
};

/// One epoch is one pass over the retained records; the records to forget begin again as often as that takes. Batch
/// size and, unless set, weight decay are the recipe's.
///
/// On digits alpha 0.95 forgets a class and leaves a random set as it was; with 0.8 that reaches the held-out loss too,
/// and the class costs one to two points more. Without a clip the ascent's part takes the model along (one class:
/// retained test accuracy 15 %). The stopping rule is looked at [`CHECKS`] times an epoch; the source has none
/// (`never`), and then the loss of a class grows for as long as there are steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct NegGradPlus {
    alpha: f64,
    #[serde(flatten)]
    sgd: Sgd,
    clip_norm: f64,
    #[serde(flatten)]
    rule: StopRule,
}

/// How often an epoch looks at the forgotten records.
const CHECKS: u64 = 4;

impl Method for NegGradPlus {
    fn forget(&self, session: &mut Session, view: &View) -> Result<Account> {
        let origin = Origin::of(session)?;
        let config = TrainConfig {
            clip_norm: self.clip_norm,
            // Few steps in flight, so that a pause comes soon.
            steps_per_submission: 2,
            ..self.sgd.recipe(view.train)
        };
        let mut account = Account::reading(&[Read::RetainData, Read::ForgetData]);
        let terms = [
            Term { records: Records::train(view.retain), weight: self.alpha },
            Term { records: Records::before(view.forget), weight: self.alpha - 1.0 },
        ];
        let (goal, rule, (steps, last)) = timed(&mut account.method_s, || {
            let (goal, rule) = self.rule.goal(session, view)?;
            Ok((goal, rule, descend(session, &config, view, &terms, goal)?))
        })?;
        account.took(steps);
        account.note("last", json!(last));
        goal.describe(rule, &mut account);
        account.note("train", json!(config));
        account.close(session, &origin)
    }
}

/// Fits until the forgotten records have come to the goal or the epochs are over; returns the steps taken and the
/// forgotten records' score.
fn descend(
    session: &mut Session,
    config: &TrainConfig,
    view: &View,
    terms: &[Term],
    goal: Goal,
) -> Result<(u64, Score)> {
    let mut fit = Fit::new(session, config, view.seed)?;
    let forget = Records::before(view.forget);
    let every = (view.retain.len().div_ceil(config.step_records()) as u64 / CHECKS).max(1);
    let mut watch = Descent { forget, goal, every, score: statistics::score(session, forget)? };
    if goal.reached(&watch.score) {
        return Ok((0, watch.score));
    }
    let steps = train_to_end(&mut fit, session, terms, &mut watch)?;
    Ok((steps, watch.score))
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
        self.score = statistics::score(session, self.forget)?;
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
