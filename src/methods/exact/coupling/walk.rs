//! A coupled training on the engine, step by step: from a kept iterate to the step that is looked at, and on
//! from there.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::couple::{Chain, Moved};
use crate::engine::{Buf, Data, Program, Recording};
use crate::methods::prelude::*;
use crate::nn::{Mode, Sink};
use crate::records::Use;
use crate::train::coupled::{CoupledConfig, Draws, Edit, Trace};
use crate::train::{FitState, Optimizer};

/// Where a trace is walked.
pub struct Walk<'a, 'e> {
    session: &'a mut Session<'e>,
    /// Is given the forgotten records' places, and what is drawn anew.
    pub trace: &'a mut Trace,
    train: &'a TrainConfig,
    coupled: CoupledConfig,
    draws: Draws,
    retain: &'a [u32],
    /// All records that are gone now, ascending.
    gone: &'a [u32],
    /// Of what is drawn anew.
    seed: u64,
    optimizer: Optimizer,
    programs: HashMap<Key, Program>,
    /// The step whose iterate the session has.
    at: Option<u64>,
    /// ξ and Δ of the step that was compared last.
    compared: (Vec<f32>, Vec<f32>),
    /// Gradients of single records that were computed.
    pub gradients: u64,
    /// Steps that were taken to reach an iterate, and those that were drawn anew.
    pub replayed: u64,
    /// Steps from the reflected one to the end, itself among them.
    pub anew: u64,
}

/// What a program does: for so many records, with a factor.
#[derive(PartialEq, Eq, Hash)]
enum Key {
    /// ḡ and ξ of a batch.
    Noisy(usize),
    /// A factor times the sum of clipped gradients.
    Clipped(usize, u32),
    /// The step by ξ.
    Update,
}

impl<'a, 'e> Walk<'a, 'e> {
    /// Of a training by `train` whose trace is `trace`; the session's parameters are written over.
    pub fn new(
        session: &'a mut Session<'e>,
        (train, trace): (&'a TrainConfig, &'a mut Trace),
        draws: Draws,
        (retain, gone): (&'a [u32], &'a [u32]),
        seed: u64,
    ) -> Result<Walk<'a, 'e>> {
        let coupled = train.coupled.ok_or_else(|| Error::internal("a walk without [train.coupled]"))?;
        session.set_aim(&train.into())?;
        let optimizer = train.optimizer()?;
        Ok(Walk {
            session,
            trace,
            train,
            coupled,
            draws,
            retain,
            gone,
            seed,
            optimizer,
            programs: HashMap::new(),
            at: None,
            compared: (Vec::new(), Vec::new()),
            gradients: 0,
            replayed: 0,
            anew: 0,
        })
    }

    /// The records of step `step` as the trace has them, and the seed of its noise.
    pub fn batch(&self, step: u64) -> (u64, Vec<u32>) {
        let (seed, drawn) = self.draws.step(step);
        (seed, self.trace.edit(step).map_or(drawn, |edit| edit.batch.clone()))
    }

    /// Brings the session to iterate `step`.
    ///
    /// # Errors
    /// A page of the trace; a lost device.
    pub fn go_to(&mut self, step: u64) -> Result<()> {
        let (kept, theta) = self.trace.before(step)?;
        // What lies nearer goes first.
        let mut at = match self.at.filter(|at| (kept..=step).contains(at)) {
            Some(at) => at,
            None => {
                self.session.write_theta(&theta)?;
                kept
            }
        };
        while at < step {
            match self.trace.edit(at) {
                Some(edit) => self.session.engine.write(self.session.grad, &edit.noisy)?,
                None => drop(self.noisy(at)?),
            }
            self.update(at)?;
            (at, self.replayed) = (at + 1, self.replayed + 1);
            self.pass(at)?;
        }
        self.at = Some(step);
        Ok(())
    }

    /// Keeps the iterate that the session has if it is one of those.
    fn pass(&mut self, step: u64) -> Result<()> {
        if self.trace.wants(step) {
            self.trace.pass(step, &self.session.read_theta()?);
        }
        Ok(())
    }

    /// ḡ and ξ of step `step` with the batch that it has, by counters; ξ lies in the session's scratch vector.
    fn noisy(&mut self, step: u64) -> Result<(Vec<f32>, Vec<f32>)> {
        let (seed, batch) = self.batch(step);
        self.gradients += batch.len() as u64;
        let (coupled, part) = (self.coupled, Part::Before);
        let load = self.session.load(part, &batch, Use::Together);
        let words = Data::U32(vec![seed as u32, (seed >> 32) as u32, step as u32, step as u32]);
        let out = run(
            self.session,
            &mut self.programs,
            Key::Noisy(batch.len()),
            |session, rec| {
                let words = rec.temp("step", 4);
                rec.upload(words);
                let scored = session.record_scored(rec, part, &load.shape, Mode::Train, Some(words))?;
                let (grad, mean) = (session.grad, rec.temp("mean", session.grad.len));
                let bare = CoupledConfig { sigma: 0.0, ..coupled };
                bare.record_noisy(session, rec, &scored, words)?;
                rec.copy(grad, mean);
                rec.readback(mean);
                coupled.record_noise(session, rec, words)?;
                rec.readback(grad);
                Ok(())
            },
            &[vec![words], load.inputs].concat(),
        )?;
        Ok((out[0].f32().to_vec(), out[1].f32().to_vec()))
    }

    /// `factor` times the sum of the records' clipped gradients; the session's scratch vector is written over.
    fn clipped(&mut self, records: &[u32], factor: f64) -> Result<Vec<f32>> {
        self.gradients += records.len() as u64;
        let (clip, factor, part) = (self.coupled.clip as f32, factor as f32, Part::Before);
        let load = self.session.load(part, records, Use::Together);
        let key = Key::Clipped(records.len(), factor.to_bits());
        let out = run(
            self.session,
            &mut self.programs,
            key,
            |session, rec| {
                let scored = session.record_scored(rec, part, &load.shape, Mode::Eval, None)?;
                let sink = Sink::Mean { grad: session.grad, scale: factor, accumulate: false };
                statistics::record_clipped(session, rec, &scored, (clip, None), None, sink)?;
                rec.readback(session.grad);
                Ok(())
            },
            &load.inputs,
        )?;
        Ok(out[0].f32().to_vec())
    }

    /// Takes step `step` by the ξ that lies in the session's scratch vector.
    fn update(&mut self, step: u64) -> Result<()> {
        let per_epoch = (self.coupled.steps / self.train.epochs.max(1) as u64) as usize;
        let hyper = self.optimizer.hyper(self.train.lr_at(step, per_epoch), step + 1).to_vec();
        let (optimizer, coupled) = (self.optimizer, self.coupled);
        run(
            self.session,
            &mut self.programs,
            Key::Update,
            |session, rec| {
                let hyper: Buf<f32> = rec.temp("hyper", 3);
                rec.upload(hyper);
                optimizer.record(rec, session.theta, session.grad, &[], hyper);
                coupled.record_projection(rec, session.theta);
                Ok(())
            },
            &[Data::F32(hyper)],
        )?;
        Ok(())
    }

    /// Takes all steps from `from` on, over the retained records by the new seed, and keeps their iterates.
    fn rerun(&mut self, from: u64) -> Result<()> {
        let per_epoch = self.coupled.steps / self.train.epochs.max(1) as u64;
        let mut fit = Fit::new(self.session, self.train, self.seed)?;
        let (epoch, at) = ((from / per_epoch) as usize, (from % per_epoch) as usize);
        fit.restore(self.session, FitState { epoch, at, step: from, ..FitState::default() })?;
        let terms = [Term { records: Records::train(self.retain), weight: 1.0 }];
        fit.pause_at(Some(self.trace.next_kept(from)));
        train_to_end(&mut fit, self.session, &terms, &mut Keeping { trace: &mut *self.trace, from })?;
        Ok(())
    }
}

/// Runs the program of `key`, recorded when it is first asked for.
fn run(
    session: &mut Session,
    programs: &mut HashMap<Key, Program>,
    key: Key,
    record: impl FnOnce(&mut Session, &mut Recording) -> Result<()>,
    inputs: &[Data],
) -> Result<Vec<Data>> {
    let program = match programs.entry(key) {
        Entry::Occupied(known) => known.into_mut(),
        Entry::Vacant(free) => {
            let mut rec = session.recording();
            record(session, &mut rec)?;
            free.insert(session.compile(rec)?)
        }
    };
    session.engine.run(program, inputs)
}

impl Chain for Walk<'_, '_> {
    fn compare(&mut self, step: u64, now: &[u32], then: &[u32]) -> Result<Moved> {
        self.go_to(step)?;
        let (mean, drawn) = self.noisy(step)?;
        let noisy = self.trace.edit(step).map_or(drawn, |edit| edit.noisy.clone());
        // Δ is what the replaced records alone make of the mean.
        let differ = |a: &[u32], b: &[u32]| a.iter().zip(b).filter(|(a, b)| a != b).map(|(a, _)| *a).collect();
        let (out, new): (Vec<u32>, Vec<u32>) = (differ(now, then), differ(then, now));
        let share = 1.0 / now.len() as f64;
        let mut delta = self.clipped(&new, share)?;
        let left = self.clipped(&out, share)?;
        delta.iter_mut().zip(&left).for_each(|(d, l)| *d -= l);
        let (mut dot, mut square) = (0.0, 0.0);
        for ((xi, mean), d) in noisy.iter().zip(&mean).zip(&delta) {
            let d = f64::from(*d);
            dot += (f64::from(*xi) - f64::from(*mean)) * d;
            square += d * d;
        }
        self.compared = (noisy, delta);
        Ok(Moved { dot, square })
    }

    fn keep(&mut self, step: u64, then: Vec<u32>) -> Result<()> {
        let (noisy, _) = std::mem::take(&mut self.compared);
        self.trace.keep(step, Edit { batch: then, noisy });
        Ok(())
    }

    fn turn(&mut self, step: u64, then: Vec<u32>, along: f64) -> Result<()> {
        let (mut noisy, delta) = std::mem::take(&mut self.compared);
        noisy.iter_mut().zip(&delta).for_each(|(xi, d)| *xi = (f64::from(*xi) + along * f64::from(*d)) as f32);
        self.session.engine.write(self.session.grad, &noisy)?;
        self.update(step)?;
        self.trace.turn(step, Edit { batch: then, noisy }, self.seed, self.gone)?;
        self.pass(step + 1)?;
        self.anew = self.trace.steps() - step;
        self.gradients += (self.anew - 1) * self.train.batch_size as u64;
        self.rerun(step + 1)
    }
}

/// Keeps every κ-th iterate of a training that is under way.
struct Keeping<'t> {
    trace: &'t mut Trace,
    from: u64,
}

impl Keeping<'_> {
    fn keep(&mut self, session: &mut Session, fit: &mut Fit) -> Result<Flow> {
        let step = fit.steps_taken();
        if self.trace.wants(step) {
            self.trace.pass(step, &session.read_theta()?);
        }
        self.from = step;
        fit.pause_at(Some(self.trace.next_kept(step)));
        Ok(Flow::Continue)
    }
}

impl Observer for Keeping<'_> {
    fn step(&mut self, report: &StepReport) -> bool {
        report.step < self.trace.next_kept(self.from)
    }

    fn epoch(&mut self, session: &mut Session, fit: &mut Fit, _report: &EpochReport) -> Result<Flow> {
        self.keep(session, fit)
    }

    fn paused(&mut self, session: &mut Session, fit: &mut Fit) -> Result<Flow> {
        self.keep(session, fit)
    }
}
