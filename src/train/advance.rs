//! Several steps per submission, up to three submissions in flight, no stall per step.

use std::collections::VecDeque;

use super::fit::{Fit, Term};
use super::progress::{EpochReport, Progress, StepReport};
use super::slices::Stage;
use super::step::{Key, key};
use super::watch;
use crate::engine::{ALIGN, Data, Ticket};
use crate::error::{Error, Result};
use crate::records::{Load, Records, Session};

/// A submission under way: its ticket and program, its first step, and each step's records with the factor on the sum
/// of their losses.
type Flying = (Ticket, Key, u64, Vec<(usize, f64)>);

/// Submissions under way at the same time.
pub(crate) const IN_FLIGHT: usize = 3;

impl Fit {
    /// Runs to the end of the epoch, or until `observe` returns false for a finished step.
    ///
    /// # Errors
    /// An empty term, a loss that is not finite, a lost device.
    pub fn advance(
        &mut self,
        session: &mut Session,
        terms: &[Term],
        mut observe: impl FnMut(&StepReport) -> bool,
    ) -> Result<Progress> {
        self.check_terms(session, terms)?;
        session.balance(terms[0].records.indices)?;
        if self.state.epoch >= self.config.epochs {
            return Ok(Progress::Done);
        }
        let stage = self.enter(session, terms)?;
        let terms = &narrowed(terms, &stage)[..];
        let per_epoch = self.steps_per_epoch(terms);
        let batches = self.batches(session, &self.state, terms, &stage);
        if self.together.is_some() {
            return self.advance_together(session, terms, &batches, &mut observe);
        }
        let mut flying: VecDeque<Flying> = VecDeque::new();
        let mut submitted = self.state.at;
        let mut go_on = true;
        let (from, first, pause_at) = (submitted, self.state.step - submitted as u64, self.pause_at);
        let sends =
            |at: usize| at < per_epoch && (at == from || pause_at.is_none_or(|step| first + (at as u64) < step));
        while go_on && (submitted < per_epoch || !flying.is_empty()) {
            let in_flight = if session.check_finite { 1 } else { IN_FLIGHT };
            while sends(submitted) && flying.len() < in_flight {
                let group = batches.group(submitted, per_epoch, self.steps_at_once(session));
                if !self.draws_records() && group.iter().any(|step| step[0].is_empty()) {
                    return Err(Error::input(
                        "a batch had forgotten records alone, and its step has nothing to learn; use mode = \
                         \"retain_only\", or retrain",
                    ));
                }
                let first = self.state.step + (submitted - self.state.at) as u64;
                let (ticket, key) = self.submit(session, terms, &group, first, per_epoch)?;
                let of = |lists: &Vec<Vec<u32>>| Ok((lists[0].len(), self.mean_factor(session, &terms[0], &lists[0])?));
                flying.push_back((ticket, key, first, group.iter().map(of).collect::<Result<_>>()?));
                submitted += group.len();
            }
            let Some((ticket, key, first, sizes)) = flying.pop_front() else { break };
            let outputs = session.engine.wait(ticket)?;
            if let Some(watched) = self.programs.get(&key).and_then(|made| made.watched.as_ref()) {
                watched.verdict(&outputs, self.state.step + 1)?;
            }
            for (s, size) in sizes.iter().enumerate() {
                let report = self.digest(&outputs[0], s, *size, first + s as u64, per_epoch)?;
                go_on &= observe(&report);
            }
        }
        // A pause lets what is in flight finish, so that theta and the state agree.
        for (ticket, _, first, sizes) in flying {
            let outputs = session.engine.wait(ticket)?;
            for (s, size) in sizes.iter().enumerate() {
                observe(&self.digest(&outputs[0], s, *size, first + s as u64, per_epoch)?);
            }
        }
        Ok(if self.state.at < per_epoch { Progress::Paused } else { Progress::Epoch(self.close_epoch(per_epoch)) })
    }

    pub(super) fn close_epoch(&mut self, per_epoch: usize) -> EpochReport {
        let s = &mut self.state;
        let report = EpochReport {
            epoch: s.epoch + 1,
            step: s.step,
            loss: s.loss_sum / s.count.max(1.0),
            accuracy: self.counts.then(|| s.correct_sum / s.count.max(1.0)),
            lr: self.course.lr_at((s.step - 1).saturating_sub(self.begun), per_epoch),
            steps: per_epoch,
        };
        s.epoch += 1;
        (s.at, s.loss_sum, s.correct_sum, s.count) = (0, 0.0, 0.0, 0.0);
        report
    }

    /// Books one finished step.
    pub(super) fn digest(
        &mut self,
        metrics: &Data,
        s: usize,
        (size, factor): (usize, f64),
        step: u64,
        per_epoch: usize,
    ) -> Result<StepReport> {
        let m = metrics.f32();
        let rows = s * self.config.accumulate..s * self.config.accumulate + self.micro_batches(size);
        let sum = |at: usize| rows.clone().map(|row| f64::from(m[row * ALIGN + at])).sum::<f64>();
        let (loss, correct, lr) = (sum(0) * factor, sum(1), self.lr(step, per_epoch));
        let epoch = self.state.epoch + 1;
        if !loss.is_finite() {
            return Err(Error::Device(format!(
                "the loss became {loss} in epoch {epoch}, step {} (learning rate {lr}); lower the learning rate, or \
                    run again with --check-finite to name the kernel",
                step + 1
            )));
        }
        self.state.loss_sum += loss;
        self.state.correct_sum += correct;
        self.state.count += size as f64;
        self.state.at += 1;
        self.state.step = step + 1;
        // No record at all may have been drawn.
        let records = size.max(1) as f64;
        let accuracy = self.counts.then(|| correct / records);
        Ok(StepReport { epoch, step: step + 1, loss: loss / records, accuracy, lr })
    }

    fn submit(
        &mut self,
        session: &mut Session,
        terms: &[Term],
        group: &[Vec<Vec<u32>>],
        first: u64,
        per_epoch: usize,
    ) -> Result<(Ticket, Key)> {
        let loads = self.loads(session, terms, group, first);
        let key = key(&loads);
        self.compiled(session, terms, &key)?;
        let mut inputs = self.inputs(session, terms, group, loads, first, per_epoch)?;
        let made = self.programs.get(&key).ok_or_else(|| Error::internal("the step program vanished"))?;
        inputs.extend(made.watched.as_ref().map(watch::Watched::unset));
        Ok((session.engine.submit(&made.program, &inputs)?, key))
    }

    /// What a run of a group of steps, the first of which is step `first`, takes; without the flags of watched ones.
    pub(super) fn inputs(
        &self,
        session: &Session,
        terms: &[Term],
        group: &[Vec<Vec<u32>>],
        loads: Vec<Vec<Vec<Load>>>,
        first: u64,
        per_epoch: usize,
    ) -> Result<Vec<Data>> {
        let mut inputs = Vec::new();
        for (s, step) in loads.into_iter().enumerate() {
            let t = first + s as u64;
            let micro = self.config.accumulate as u64;
            for j in 0..step.iter().map(Vec::len).max().unwrap_or(1) as u64 {
                let word = t.wrapping_mul(micro).wrapping_add(j) as u32;
                inputs.push(Data::U32(vec![self.seed as u32, (self.seed >> 32) as u32, word, t as u32]));
            }
            inputs.push(Data::F32(self.optimizer.hyper(self.lr(t, per_epoch), self.updates(t)).to_vec()));
            inputs.extend(self.l1_weight(t, per_epoch).map(|weight| Data::F32(vec![weight as f32])));
            for (i, (term, loads)) in terms.iter().zip(step).enumerate() {
                if self.reweighs(session) {
                    inputs.push(Data::F32(vec![self.mean_factor(session, term, &group[s][i])? as f32]));
                }
                inputs.extend(loads.into_iter().flat_map(|load| load.inputs));
            }
        }
        Ok(inputs)
    }
}

/// The first term over a stage's records.
pub(crate) fn narrowed<'a>(terms: &[Term<'a>], stage: &'a Option<Stage>) -> Vec<Term<'a>> {
    let mut terms = terms.to_vec();
    if let (Some(stage), Some(first)) = (stage, terms.first_mut()) {
        first.records = Records { indices: &stage.records, ..first.records };
    }
    terms
}
