//! Gradient ascent on the records to forget: one loop, one stopping rule, several directions.
//!
//! The loss has no upper bound, so a rule that stops is part of the method, and the last step is shortened until the
//! forget loss meets the target: methods can then be compared at equal forget loss.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::account::{Origin, timed};
use super::importance::Importance;
use super::settings::{check, not_negative, positive};
use super::{Account, Read, View};
use crate::engine::{Buf, Data, Program, Recording};
use crate::error::{Error, Result};
use crate::kernels::map::{self, Binary, Unary};
use crate::kernels::{edit, reduce};
use crate::train::{Part, Records, Session};

/// When enough has been forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    /// `uniform` for a class request, else `holdout_loss`.
    Auto,
    /// Mean forget loss ≥ the original model's mean loss on the validation split: records never seen look like that.
    HoldoutLoss,
    /// Mean forget loss ≥ ln C: the model says nothing about the class.
    Uniform,
}

/// What every ascent is set with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Climb {
    /// Step along the gradient of the mean forget loss over all records to forget.
    pub lr: f64,
    pub max_steps: usize,
    /// Directions longer than this are scaled down to it; 0 leaves them alone.
    pub clip_norm: f64,
    pub stop: Stop,
    /// Forget loss to stop at, in the place of `stop`'s.
    pub target_loss: Option<f64>,
    /// The last step is shortened until the forget loss is within this part of the target.
    pub tolerance: f64,
    /// Accuracy on the retained records below which the last step is taken back and the ascent ends. Costs a pass over
    /// them per step.
    pub retain_floor: Option<f64>,
}

impl Default for Climb {
    /// lr 0.02 full batch and the two stopping rules: the reference runs on digits behind the table in the documentation
    /// of this family. The clip keeps the last steps of a class, where the gradient is longest, from leaping over the target.
    fn default() -> Self {
        Climb {
            lr: 0.02,
            max_steps: 400,
            clip_norm: 1.0,
            stop: Stop::Auto,
            target_loss: None,
            tolerance: 0.01,
            retain_floor: None,
        }
    }
}

/// Where to go.
#[derive(Clone, Copy, Debug)]
pub enum Direction {
    /// ∇L_F.
    Gradient,
    /// ∇L_F / (F + delta · mean F), brought back to the length of ∇L_F.
    Preconditioned { fisher: Importance, delta: f32 },
    /// ∇L_F − lambda (F / mean F) (θ − θ₀), the penalty taken implicitly.
    Elastic { fisher: Importance, lambda: f32 },
}

/// Why an ascent ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Reason {
    /// Nothing to do: the forget loss was there before the first step.
    AtTarget,
    Target,
    MaxSteps,
    RetainFloor,
}

impl Climb {
    pub(super) fn check(&self, method: &str) -> Result<()> {
        check(
            method,
            &[
                ("lr", positive(self.lr), "a positive number"),
                ("max_steps", self.max_steps > 0, "1 or more"),
                ("clip_norm", not_negative(self.clip_norm), "0 (none) or more"),
                ("target_loss", self.target_loss.is_none_or(positive), "a positive number"),
                ("tolerance", positive(self.tolerance), "a positive number"),
                ("retain_floor", self.retain_floor.is_none_or(|f| (0.0..=1.0).contains(&f)), "in [0, 1]"),
            ],
        )
    }

    /// The forget loss to reach, and the rule that it came from.
    fn target(&self, session: &mut Session, view: &View) -> Result<(f64, &'static str)> {
        let rule = match self.stop {
            Stop::Auto if view.forgotten_classes.is_empty() => Stop::HoldoutLoss,
            Stop::Auto => Stop::Uniform,
            other => other,
        };
        match (self.target_loss, rule) {
            (Some(loss), _) => Ok((loss, "target_loss")),
            (None, Stop::Uniform) => Ok(((session.model.classes as f64).ln(), "uniform")),
            (None, _) => {
                let count = session.len(Part::Validation);
                if count == 0 {
                    return Err(Error::input(
                        "the ascent stops at the mean loss of records held out from training, and the data set has no \
                         validation split: set data.validation_fraction (0.1, say), or the method's target_loss",
                    ));
                }
                let all: Vec<u32> = (0..count as u32).collect();
                Ok((session.score(Records { part: Part::Validation, indices: &all })?.loss, "holdout_loss"))
            }
        }
    }

    /// Climbs from the session's parameters. `account` comes with what the caller has read and spent on the direction.
    pub(super) fn run(
        &self,
        session: &mut Session,
        view: &View,
        direction: Direction,
        mut account: Account,
    ) -> Result<Account> {
        let origin = Origin::of(session)?;
        let done = timed(&mut account.method_s, || {
            let (target, rule) = self.target(session, view)?;
            let mut ascent = Ascent::new(self, session, view.forget, direction, origin.0)?;
            Ok((ascent.run(view, target)?, target, rule))
        })?;
        let (end, target, rule) = done;
        account.reads.push(Read::ForgetData);
        if rule == "holdout_loss" {
            account.reads.push(Read::ValidationData);
        }
        if self.retain_floor.is_some() && !account.reads.contains(&Read::RetainData) {
            account.reads.push(Read::RetainData);
        }
        account.note("steps", end.steps);
        account.note("stopped_by", json!(end.reason));
        account.note("target_rule", rule);
        account.note("target_loss", target);
        account.note("first_forget_loss", end.first_loss);
        account.note("last_forget_loss", end.last_loss);
        account.close(session, &origin)
    }
}

/// How an ascent ended.
struct End {
    steps: usize,
    reason: Reason,
    first_loss: f64,
    last_loss: f64,
}

/// An ascent under way.
struct Ascent<'a, 'e> {
    settings: &'a Climb,
    session: &'a mut Session<'e>,
    forget: &'a [u32],
    /// θ += lr · heading; gives the mean loss there and makes the next heading.
    step: Program,
    /// θ before the last step.
    previous: Buf<f32>,
    heading: Buf<f32>,
}

/// Halvings of the last step: enough for any tolerance that f32 can tell.
const HALVINGS: usize = 24;

impl<'a, 'e> Ascent<'a, 'e> {
    fn new(
        settings: &'a Climb,
        session: &'a mut Session<'e>,
        forget: &'a [u32],
        direction: Direction,
        origin: Buf<f32>,
    ) -> Result<Self> {
        let previous = session.vector("ascent.previous")?;
        let heading = session.vector("ascent.heading")?;
        let mut rec = session.recording();
        let (idx, lr) = (rec.temp("idx", forget.len()), rec.temp("lr", 1));
        rec.upload(idx);
        rec.upload(lr);
        rec.copy(session.theta, previous);
        edit::step(&mut rec, session.theta, heading, lr, 1.0);
        let loss = rec.temp("mean_loss", 1);
        let scale = (1.0 / forget.len().max(1) as f64) as f32;
        session.record_set_gradient(&mut rec, Part::Train, idx, scale, false, loss)?;
        rec.enter("heading");
        direction.record(&mut rec, session, settings.lr, origin, heading);
        record_clip(&mut rec, heading, settings.clip_norm);
        rec.leave();
        rec.readback(loss);
        let step = session.compile(rec)?;
        Ok(Ascent { settings, session, forget, step, previous, heading })
    }

    /// One step of length `lr`; returns the mean forget loss where it ends.
    fn advance(&mut self, lr: f64) -> Result<f64> {
        let inputs = [Data::U32(self.forget.to_vec()), Data::F32(vec![lr as f32])];
        let out = self.session.engine.run(&self.step, &inputs)?;
        Ok(f64::from(out[0].f32()[0]))
    }

    fn run(&mut self, view: &View, target: f64) -> Result<End> {
        let heading = self.heading;
        self.session.run(|rec| {
            rec.clear(heading);
            Ok(())
        })?;
        // A step of length 0 measures the loss at the start and makes the first heading.
        let first_loss = self.advance(0.0)?;
        let mut end = End { steps: 0, reason: Reason::MaxSteps, first_loss, last_loss: first_loss };
        if first_loss >= target {
            end.reason = Reason::AtTarget;
            return Ok(end);
        }
        while end.steps < self.settings.max_steps && end.reason == Reason::MaxSteps {
            let before = end.last_loss;
            end.steps += 1;
            end.last_loss = self.advance(self.settings.lr)?;
            // Written so that NaN, a step out of all bounds, is shortened too.
            if !(end.last_loss < target) {
                end.last_loss = self.shorten(before, target)?;
                end.reason = Reason::Target;
            }
            if let Some(floor) = self.settings.retain_floor
                && self.session.score(Records::train(view.retain))?.accuracy < floor
            {
                self.take_back()?;
                (end.steps, end.last_loss, end.reason) = (end.steps - 1, before, Reason::RetainFloor);
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

    /// Halves the last step until the forget loss, `before` at its start, meets the target; returns that loss.
    fn shorten(&mut self, before: f64, target: f64) -> Result<f64> {
        let (theta, previous, heading) = (self.session.theta, self.previous, self.heading);
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
        let (mut low, mut high, mut loss) = (0.0, 1.0, f64::NAN);
        for _ in 0..HALVINGS {
            let middle = 0.5 * (low + high);
            self.session.engine.run(&place, &[Data::F32(vec![middle as f32])])?;
            loss = self.session.score(Records::train(self.forget))?.loss;
            if (loss - target).abs() <= self.settings.tolerance * target {
                break;
            }
            if loss < target { low = middle } else { high = middle }
        }
        if !loss.is_finite() {
            self.take_back()?;
            return Ok(before);
        }
        Ok(loss)
    }
}

impl Direction {
    /// Records the heading from the gradient of the mean forget loss, which it may overwrite.
    fn record(&self, rec: &mut Recording, session: &Session, lr: f64, origin: Buf<f32>, heading: Buf<f32>) {
        let (grad, parameters) = (session.grad, session.model.layout.count());
        match self {
            Direction::Gradient => map::unary(rec, Unary::Copy, grad, heading),
            Direction::Preconditioned { fisher, delta } => {
                let (mean, ours, theirs) = (rec.temp("mean", 1), rec.temp("norm2", 1), rec.temp("norm2", 1));
                fisher.record_mean(rec, parameters, mean);
                edit::precondition(rec, grad, fisher.values, mean, *delta, heading);
                reduce::total(rec, grad, ours, 1.0, true);
                reduce::total(rec, heading, theirs, 1.0, true);
                edit::rescale(rec, heading, ours, theirs);
            }
            Direction::Elastic { fisher, lambda } => {
                let (mean, mean2, one) = (rec.temp("mean", 1), rec.temp("mean2", 1), rec.temp("one", 1));
                fisher.record_mean(rec, parameters, mean);
                // The largest F is hundreds of times the mean, so that an explicit step lr·lambda·F/mean would
                // oscillate and grow. The implicit one divides by 1 + lr·lambda·F/mean, which is
                // (F + mean/(lr·lambda)) / (mean/(lr·lambda)): a preconditioning and a factor.
                let stiffness = 1.0 / (lr * f64::from(*lambda));
                edit::ewc(rec, grad, fisher.values, mean, session.theta, origin, -lambda);
                edit::precondition(rec, grad, fisher.values, mean, stiffness as f32, heading);
                reduce::total(rec, mean, mean2, (stiffness * stiffness) as f32, true);
                map::fill(rec, one, 1.0);
                edit::rescale(rec, heading, mean2, one);
            }
        }
    }
}

fn record_clip(rec: &mut Recording, heading: Buf<f32>, clip_norm: f64) {
    if clip_norm > 0.0 {
        let norm2 = rec.temp("norm2", 1);
        reduce::total(rec, heading, norm2, 1.0, true);
        edit::clip(rec, heading, norm2, clip_norm as f32);
    }
}
