//! Gradient ascent on the records to forget: one loop, one stopping rule, several directions.
//!
//! The loss has no upper bound, so a rule that stops is part of the method, and the last step is shortened until it
//! just reaches the goal: methods can then be compared at equal forget loss.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::engine::{Buf, Data, Program};
use crate::kernels::edit;
use crate::kernels::map::{self, Binary};
use crate::methods::ascent::direction::{Direction, record_clip};
use crate::methods::prelude::*;
use crate::methods::shared::stop::no_accuracy;

/// What every ascent is set with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::methods) struct Climb {
    lr: f64,
    max_steps: Option<usize>,
    cost_of_recipe: f64,
    clip_norm: f64,
    #[serde(flatten)]
    rule: StopRule,
    tolerance: f64,
    retain_floor: Option<f64>,
}

const RULE: [Setting; 3] = StopRule::SETTINGS;

impl Climb {
    /// lr 0.02, full batch: on digits a goal is reached in 30 to 330 steps, of which 1000 leave ample room. The clip
    /// keeps the last steps of a class, where the gradient is longest, from leaping over the goal.
    pub const SETTINGS: [Setting; 9] = [
        real("lr", "0.02", Range::POSITIVE, "Step along the gradient of the mean loss over all forgotten records."),
        real(
            "cost_of_recipe",
            "0.2",
            Range::POSITIVE,
            "What the steps may cost, as a part of a retrain: passes over the forgotten records beside the recipe's \
                over the retained ones; on the nodes of a graph a step is a pass over all of it.",
        )
        .tried(0.02, 1.0),
        count("max_steps", ABSENT, 1, "Steps at most. Absent: what `cost_of_recipe` pays for, from 10 to 1000."),
        real("clip_norm", "1", Range::NONE_OR_MORE, "Directions longer than this are scaled down to it."),
        RULE[0],
        RULE[1],
        RULE[2],
        real(
            "tolerance",
            "0.01",
            Range::POSITIVE,
            "The last step is shortened until the forget loss is within this part of the target.",
        ),
        real(
            "retain_floor",
            ABSENT,
            Range::UNIT,
            "Retained accuracy below which the last step is taken back; costs a pass over them a step. Absent: none.",
        ),
    ];

    /// Steps at most.
    pub(in crate::methods) fn most(&self, view: &View) -> usize {
        let pass = if view.graph.is_some() { 1.0 } else { in_proportion(view) };
        let paid = self.cost_of_recipe * view.train.epochs as f64 / pass.max(f64::MIN_POSITIVE);
        self.max_steps.unwrap_or(paid.round().clamp(10.0, 1000.0) as usize)
    }

    /// Climbs from the session's parameters. `account` comes with what the caller has read and spent on the direction.
    pub(in crate::methods) fn run(
        &self,
        session: &mut Session,
        view: &View,
        direction: Direction,
        mut account: Account,
    ) -> Result<Account> {
        if self.retain_floor.is_some() && !session.objective().of.counts() {
            return Err(no_accuracy(session, "retain_floor"));
        }
        let origin = Origin::of(session)?;
        let (end, goal, rule) = timed(&mut account.method_s, || {
            let (goal, rule) = self.rule.goal(session, view)?;
            let mut ascent = Ascent::new(self, session, view.forget, direction, origin.0, goal)?;
            Ok((ascent.run(view)?, goal, rule))
        })?;
        account.reads.push(Read::ForgetData);
        if self.retain_floor.is_some() {
            account.reads_too(Read::RetainData);
        }
        account.took(end.steps as u64);
        account.details.stopped_by = Some(end.reason);
        goal.describe(rule, &mut account);
        account.note("first", json!(end.first));
        account.note("last", json!(end.last));
        account.close(session, &origin)
    }
}

/// How an ascent ended.
struct End {
    steps: usize,
    reason: StoppedBy,
    first: Score,
    last: Score,
}

/// An ascent under way.
struct Ascent<'a, 'e> {
    settings: &'a Climb,
    session: &'a mut Session<'e>,
    forget: &'a [u32],
    /// θ += lr · heading; gives the mean loss there and makes the next heading.
    step: Program,
    /// What a step reads besides its length: the records.
    inputs: Vec<Data>,
    /// θ before the last step.
    previous: Buf<f32>,
    heading: Buf<f32>,
    goal: Goal,
}

/// Halvings of the last step at most: it then differs from the shortest that reaches the goal by a thousandth.
const HALVINGS: usize = 10;

impl<'a, 'e> Ascent<'a, 'e> {
    fn new(
        settings: &'a Climb,
        session: &'a mut Session<'e>,
        forget: &'a [u32],
        direction: Direction,
        origin: Buf<f32>,
        goal: Goal,
    ) -> Result<Self> {
        let previous = session.vector("ascent.previous")?;
        let heading = session.vector("ascent.heading")?;
        let mut rec = session.recording();
        let lr = rec.temp("lr", 1);
        rec.upload(lr);
        rec.copy(session.theta, previous);
        edit::step(&mut rec, session.theta, heading, lr, 1.0);
        let scale = (1.0 / forget.len().max(1) as f64) as f32;
        let (inputs, means) = session.record_set_gradient(&mut rec, Records::before(forget), scale, false)?;
        rec.enter("heading");
        direction.record(&mut rec, session, settings.lr, origin, heading)?;
        record_clip(&mut rec, heading, settings.clip_norm);
        rec.leave();
        rec.readback(means);
        let step = session.compile(rec)?;
        Ok(Ascent { settings, session, forget, step, inputs, previous, heading, goal })
    }

    /// One step of length `lr`; returns the score of the forget records where it ends.
    fn advance(&mut self, lr: f64) -> Result<Score> {
        let inputs: Vec<Data> =
            std::iter::once(Data::F32(vec![lr as f32])).chain(self.inputs.iter().cloned()).collect();
        let out = self.session.engine.run(&self.step, &inputs)?;
        let [loss, right] = [0, 1].map(|i| f64::from(out[0].f32()[i]));
        let accuracy = self.session.objective().of.counts().then_some(right);
        let score = Score { loss, accuracy, extraction: None, count: self.forget.len() };
        self.goal.completed(self.session, Records::before(self.forget), score)
    }

    fn run(&mut self, view: &View) -> Result<End> {
        let (heading, goal) = (self.heading, self.goal);
        self.session.run(|rec| {
            rec.clear(heading);
            Ok(())
        })?;
        // A step of length 0 measures the start and makes the first heading.
        let first = self.advance(0.0)?;
        let mut end = End { steps: 0, reason: StoppedBy::MaxSteps, first, last: first };
        if goal.reached(&first) {
            end.reason = StoppedBy::AtTarget;
            return Ok(end);
        }
        let most = self.settings.most(view);
        while end.steps < most && end.reason == StoppedBy::MaxSteps {
            let before = end.last;
            end.steps += 1;
            end.last = self.advance(self.settings.lr)?;
            if goal.reached(&end.last) {
                end.last = self.shorten(before)?;
                end.reason = StoppedBy::Target;
            }
            if let Some(floor) = self.settings.retain_floor
                && statistics::score(self.session, Records::train(view.retain))?.accuracy.is_some_and(|now| now < floor)
            {
                self.take_back()?;
                (end.steps, end.last, end.reason) = (end.steps - 1, before, StoppedBy::RetainFloor);
            }
        }
        Ok(end)
    }

    fn take_back(&mut self) -> Result<()> {
        let (theta, previous) = (self.session.theta, self.previous);
        self.session.run(|rec| {
            rec.copy(previous, theta);
            Ok(())
        })?;
        Ok(())
    }

    /// Halves the last step, which began at `before` and reached the goal, until it no more than reaches it.
    fn shorten(&mut self, before: Score) -> Result<Score> {
        let (theta, previous, heading, goal) = (self.session.theta, self.previous, self.heading, self.goal);
        self.session.run(|rec| {
            map::binary(rec, Binary::Sub, theta, previous, heading);
            Ok(())
        })?;
        let mut rec = self.session.recording();
        let part = rec.temp("part", 1);
        rec.upload(part);
        rec.copy(previous, theta);
        edit::step(&mut rec, theta, heading, part, 1.0);
        let place = self.session.compile(rec)?;
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..HALVINGS {
            let middle = 0.5 * (low + high);
            let now = self.place(&place, middle)?;
            if goal.met(&now, self.settings.tolerance) {
                return Ok(now);
            }
            if goal.reached(&now) { high = middle } else { low = middle }
        }
        let now = self.place(&place, high)?;
        if now.loss.is_finite() {
            return Ok(now);
        }
        self.take_back()?;
        Ok(before)
    }

    /// Puts theta a part of the way along the last step and scores it.
    fn place(&mut self, place: &Program, part: f64) -> Result<Score> {
        self.session.engine.run(place, &[Data::F32(vec![part as f32])])?;
        let forget = Records::before(self.forget);
        let score = statistics::score(self.session, forget)?;
        self.goal.completed(self.session, forget, score)
    }
}
