//! One submission of training steps: which batches it takes, and what is recorded for their shapes.

use super::bounds::Bounds;
use super::config::TrainConfig;
use super::fit::{Fit, Term};
use super::taught::Task;
use super::{private, watch};
use crate::base::philox::philox;
use crate::engine::{ALIGN, Buf, Data, Program, Recording};
use crate::error::Result;
use crate::kernels::{edit, map, reduce};
use crate::nn::{Mode, Sink};
use crate::records::{Lesson, Load, Session, Shape, Use, record_halves, times};
use crate::statistics;

/// Shapes of the batches of a submission: for each step and term one, or one for each micro-batch.
pub(crate) type Key = Vec<Vec<Vec<Shape>>>;

pub(crate) fn key(loads: &[Vec<Vec<Load>>]) -> Key {
    let shapes = |term: &Vec<Load>| term.iter().map(|load| load.shape.clone()).collect();
    loads.iter().map(|step| step.iter().map(shapes).collect()).collect()
}

pub(crate) struct StepProgram {
    pub program: Program,
    /// Scopes of the watched dispatches, where the session checks for NaN after each.
    pub watched: Option<watch::Watched>,
}

impl Fit {
    /// The batches of a group of steps, the first of which is step `first`: for each step and term its micro-batches.
    pub(crate) fn loads(
        &self,
        session: &Session,
        terms: &[Term],
        group: &[Vec<Vec<u32>>],
        first: u64,
    ) -> Vec<Vec<Vec<Load>>> {
        let step = |(step, lists): (u64, &Vec<Vec<u32>>)| {
            let each = terms.iter().zip(lists).enumerate();
            let load = |i: usize, term: &Term, list: &[u32]| {
                if self.draws_records() {
                    let (list, weights) = private::fill(
                        list,
                        term.records.indices[0],
                        self.config.batch_size.min(term.records.indices.len()),
                    );
                    let mut load = session.load(term.records.part, &list, Use::Together);
                    load.inputs.insert(0, Data::F32(weights));
                    return load;
                }
                let draw = draws(self.seed, step, i as u32);
                session.load_step(term.records.part, list, &self.config.fanout, draw)
            };
            let micro = |(i, (term, list)): (usize, (&Term, &Vec<u32>))| {
                let size = if self.config.accumulate == 1 { list.len() } else { self.config.batch_size };
                let parts = list.chunks(size.max(1)).enumerate();
                let loads: Vec<Load> = parts.map(|(j, part)| load(i + j * terms.len(), term, part)).collect();
                // A drawn batch may be empty, and is a step all the same.
                if loads.is_empty() { vec![load(i, term, list)] } else { loads }
            };
            each.map(micro).collect()
        };
        (first..).zip(group).map(step).collect()
    }

    /// Makes sure that there is a program for the batches' shapes.
    pub(crate) fn compiled(&mut self, session: &mut Session, terms: &[Term], key: &Key) -> Result<()> {
        if !self.programs.contains_key(key) {
            let made = self.record(session, terms, key)?;
            self.programs.insert(key.clone(), made);
        }
        Ok(())
    }

    /// Records the steps of one submission.
    fn record(&self, session: &mut Session, terms: &[Term], steps: &Key) -> Result<StepProgram> {
        let mut rec = session.recording();
        let rows = self.config.accumulate;
        let metrics = rec.temp("metrics", steps.len() * rows * ALIGN);
        if rows > 1 {
            rec.clear(metrics);
        }
        for (s, shapes) in steps.iter().enumerate() {
            let micro = shapes.iter().map(Vec::len).max().unwrap_or(1);
            let words: Vec<Buf<u32>> = (0..micro).map(|_| rec.temp("step", 4)).collect();
            for words in &words {
                rec.upload(*words);
            }
            let hyper = rec.temp::<f32>("hyper", 3);
            rec.upload(hyper);
            let l1 = self.l1.as_ref().map(|_| {
                let weight = rec.temp("l1", 1);
                rec.upload(weight);
                weight
            });
            for (i, (term, shapes)) in terms.iter().zip(shapes).enumerate() {
                let factor = self.reweighs(session).then(|| {
                    let factor = rec.temp("mean's factor", 1);
                    rec.upload(factor);
                    factor
                });
                for (j, shape) in shapes.iter().enumerate() {
                    let row = (s * rows + j) * ALIGN;
                    let sums = (i == 0).then(|| metrics.range(row..row + 2));
                    let total = shapes.iter().map(Shape::records).sum();
                    let term = (i, term, shape, total);
                    self.record_term(session, &mut rec, term, i + j > 0, (words[j], factor), sums)?;
                }
            }
            rec.enter("update");
            self.record_update(session, &mut rec, terms[0].records.indices.len(), hyper, l1);
            if let Some(noisy) = self.noisy {
                noisy.record(session, &mut rec, words[0])?;
            }
            rec.leave();
        }
        rec.readback(metrics);
        let watched = if session.check_finite { Some(watch::watch(&mut rec)?) } else { None };
        Ok(StepProgram { program: session.engine.compile(rec)?, watched })
    }

    /// Records the part of the gradient that term `i` has, or what a micro-batch adds to it where the step has
    /// `records` in all, and, into `sums`, the first term's losses and right answers.
    pub(crate) fn record_term(
        &self,
        session: &mut Session,
        rec: &mut Recording,
        (i, term, shape, records): (usize, &Term, &Shape, usize),
        accumulate: bool,
        (words, factor): (Buf<u32>, Option<Buf<f32>>),
        sums: Option<Buf<f32>>,
    ) -> Result<()> {
        let weight = self.record_weights(rec, shape);
        let (part, step) = (term.records.part, Some(words));
        // Running statistics follow the records that are learned, never those of a further term or a climbed loss.
        let Task { lesson, still } = self.taught.term(i);
        let mode = if sums.is_none() || term.weight < 0.0 || still { Mode::Still } else { Mode::Train };
        let clips = self.config.dp.is_some() || self.config.coupled.is_some();
        if lesson.is_partial() && !accumulate {
            // Parameters that it does not reach have a gradient of 0, not the last step's.
            rec.clear(session.grad);
        }
        let accumulate = accumulate || lesson.is_partial();
        let mean = Sink::Mean { grad: session.grad, scale: (term.weight / records as f64) as f32, accumulate };
        if let (false, Lesson::Own) = (clips, lesson) {
            let halves = session.record_pass(rec, (part, shape), mode, step, Some((mean, factor)))?;
            sums.into_iter().for_each(|sums| record_halves(rec, halves, sums));
            return Ok(());
        }
        let scored = match clips {
            // Clipping needs the records' own rows.
            true => session.record_scored(rec, part, shape, mode, step)?,
            false => session.record_taught(rec, (part, shape), lesson, mode, step)?,
        };
        match (self.config.dp, self.config.coupled) {
            (_, Some(coupled)) => coupled.record_noisy(session, rec, &scored, words)?,
            (Some(dp), _) => {
                let expected = self.config.batch_size.min(term.records.indices.len());
                let scale = (term.weight / expected as f64) as f32;
                let sink = Sink::Mean { grad: session.grad, scale, accumulate };
                statistics::record_clipped(session, rec, &scored, (dp.clip as f32, weight), Some(words), sink)?;
                session.record_noise(rec, dp.noise_multiplier * dp.clip / expected as f64, words)?;
            }
            (None, None) => {
                let dlogits = factor.map_or(scored.dlogits, |factor| times(rec, scored.dlogits, factor));
                session.model.backward(rec, session.theta, &scored.tape, dlogits, Some(words), mean)?;
            }
        }
        if let Some(sums) = sums {
            if let Some(weight) = weight {
                scored.record_weighting(rec, weight);
            }
            scored.record_sums(rec, sums);
        }
        Ok(())
    }

    /// Whether a step's mean is one by the weights of classes, so that a factor comes with it. Private steps divide by
    /// the expected number of records, whatever they weigh.
    pub(crate) fn reweighs(&self, session: &Session) -> bool {
        session.weighs_classes() && self.config.dp.is_none() && self.config.coupled.is_none()
    }

    /// What the mean over a term's records is multiplied by; 1 where they weigh the same.
    pub(crate) fn mean_factor(&self, session: &Session, term: &Term, list: &[u32]) -> Result<f64> {
        match self.reweighs(session) {
            true => Ok(session.rebalance(&session.classes_in(term.records.part, list)?).unwrap_or(1.0)),
            false => Ok(1.0),
        }
    }

    /// Records the weights of a drawn batch, which say what is a record and what fills up the program's shape.
    fn record_weights(&self, rec: &mut Recording, shape: &Shape) -> Option<Buf<f32>> {
        match shape {
            Shape::Listed(n) if self.draws_records() => {
                let weight = rec.temp("weight", *n);
                rec.upload(weight);
                Some(weight)
            }
            _ => None,
        }
    }

    /// Records what becomes of the gradient over `count` records; `l1` is the weight of ‖θ‖₁, one element.
    pub(crate) fn record_update(
        &self,
        session: &Session,
        rec: &mut Recording,
        count: usize,
        hyper: Buf<f32>,
        l1: Option<Buf<f32>>,
    ) {
        if let Some(tilt) = self.tilt {
            map::axpby(rec, (1.0 / count.max(1) as f64) as f32, tilt, 1.0, session.grad);
        }
        if let Some(weight) = l1 {
            edit::add_sign(rec, session.grad, session.theta, weight);
        }
        self.taught.record_gains(rec, session.grad);
        let held = || self.bounds.into_iter().chain(self.frozen);
        held().for_each(|bounds| edit::mask(rec, session.grad, bounds.mask));
        record_clip(rec, session.grad, &self.config);
        self.optimizer.record(rec, session.theta, session.grad, &self.vectors, hyper);
        for Bounds { mask, origin } in held() {
            edit::restore(rec, session.theta, mask, origin);
            self.vectors.iter().for_each(|v| edit::mask(rec, *v, mask));
        }
        self.config.coupled.into_iter().for_each(|coupled| coupled.record_projection(rec, session.theta));
        self.kept.record(rec, session.theta, self.config.ema, held());
    }

    /// True where a step draws each record by itself, so that batches differ in size.
    pub(crate) fn draws_records(&self) -> bool {
        self.config.dp.is_some_and(|dp| dp.poisson)
    }
}

fn record_clip(rec: &mut Recording, grad: Buf<f32>, config: &TrainConfig) {
    if config.clip_norm > 0.0 {
        let norm2 = rec.temp("norm2", 1);
        reduce::total(rec, grad, norm2, 1.0, true);
        edit::clip(rec, grad, norm2, config.clip_norm as f32);
    }
}

/// Random numbers for the neighbours that term `term` samples in a step: `draw(n)` < n.
fn draws(seed: u64, step: u64, term: u32) -> impl FnMut(usize) -> usize {
    let mut count = 0;
    move |n| {
        let words = philox([count, step as u32, STREAM_NEIGHBOURS, term], [seed as u32, (seed >> 32) as u32]);
        count += 1;
        words[0] as usize % n.max(1)
    }
}

/// Keeps the draw of neighbours apart from the seed's other uses.
const STREAM_NEIGHBOURS: u32 = 0x6e65_6967;
