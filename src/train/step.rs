//! One submission of training steps: which batches it takes, and what is recorded for their shapes.

use super::config::TrainConfig;
use super::fit::{Fit, Term};
use super::{private, watch};
use crate::base::philox::philox;
use crate::engine::{ALIGN, Buf, Data, Program, Recording};
use crate::error::Result;
use crate::kernels::{edit, map, reduce};
use crate::nn::{Mode, Sink};
use crate::records::Session;
use crate::records::{Load, Shape, Use};
use crate::statistics;

/// Shapes of the batches of a submission: for each step one per term.
pub(crate) type Key = Vec<Vec<Shape>>;

pub(crate) fn key(loads: &[Vec<Load>]) -> Key {
    loads.iter().map(|step| step.iter().map(|load| load.shape.clone()).collect()).collect()
}

pub(crate) struct StepProgram {
    pub program: Program,
    /// Scopes of the watched dispatches, where the session checks for NaN after each.
    pub watched: Option<watch::Watched>,
}

/// Parameters that a fit may not move.
#[derive(Clone, Copy)]
pub(crate) struct Bounds {
    /// 1 where it may, else 0.
    pub mask: Buf<f32>,
    /// What the others are.
    pub origin: Buf<f32>,
}

impl Fit {
    /// The batches of a group of steps, the first of which is step `first`: for each step one per term.
    pub(crate) fn loads(
        &self,
        session: &Session,
        terms: &[Term],
        group: &[Vec<Vec<u32>>],
        first: u64,
    ) -> Vec<Vec<Load>> {
        let step = |(step, lists): (u64, &Vec<Vec<u32>>)| {
            let each = terms.iter().zip(lists).enumerate();
            let load = |(i, (term, list)): (usize, (&Term, &Vec<u32>))| {
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
            each.map(load).collect()
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
        let metrics = rec.temp("metrics", steps.len() * ALIGN);
        for (s, shapes) in steps.iter().enumerate() {
            let words = rec.temp::<u32>("step", 4);
            rec.upload(words);
            let hyper = rec.temp::<f32>("hyper", 3);
            rec.upload(hyper);
            let l1 = self.l1.as_ref().map(|_| {
                let weight = rec.temp("l1", 1);
                rec.upload(weight);
                weight
            });
            for (i, (term, shape)) in terms.iter().zip(shapes).enumerate() {
                let sums = (i == 0).then(|| metrics.range(s * ALIGN..s * ALIGN + 2));
                self.record_term(session, &mut rec, (term, shape), i > 0, words, sums)?;
            }
            rec.enter("update");
            self.record_update(session, &mut rec, terms[0].records.indices.len(), hyper, l1);
            rec.leave();
        }
        rec.readback(metrics);
        let watched = if session.check_finite { Some(watch::watch(&mut rec)?) } else { None };
        Ok(StepProgram { program: session.engine.compile(rec)?, watched })
    }

    /// Records a term's part of the gradient and, into `sums`, its losses and right answers.
    fn record_term(
        &self,
        session: &mut Session,
        rec: &mut Recording,
        (term, shape): (&Term, &Shape),
        accumulate: bool,
        words: Buf<u32>,
        sums: Option<Buf<f32>>,
    ) -> Result<()> {
        let weight = self.record_weights(rec, shape);
        let (part, step) = (term.records.part, Some(words));
        // Running statistics follow the records that are learned, never those of a further term or a climbed loss.
        let mode = if accumulate || term.weight < 0.0 { Mode::Still } else { Mode::Train };
        let scored = match self.config.dp {
            // Clipping needs the records' own rows.
            Some(_) => session.record_scored(rec, part, shape, mode, step)?,
            None => session.record_summed(rec, part, shape, mode, step)?,
        };
        match self.config.dp {
            Some(dp) => {
                let expected = self.config.batch_size.min(term.records.indices.len());
                let scale = (term.weight / expected as f64) as f32;
                let sink = Sink::Mean { grad: session.grad, scale, accumulate };
                statistics::record_clipped(session, rec, &scored, (dp.clip as f32, weight), Some(words), sink)?;
                session.record_noise(rec, dp.noise_multiplier * dp.clip / expected as f64, words)?;
            }
            None => {
                let scale = (term.weight / scored.n as f64) as f32;
                let sink = Sink::Mean { grad: session.grad, scale, accumulate };
                session.model.backward(rec, session.theta, &scored.tape, scored.dlogits, Some(words), sink)?;
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
    fn record_update(
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
        if let Some(bounds) = self.bounds {
            edit::mask(rec, session.grad, bounds.mask);
        }
        record_clip(rec, session.grad, &self.config);
        self.optimizer.record(rec, session.theta, session.grad, &self.vectors, hyper);
        if let Some(Bounds { mask, origin }) = self.bounds {
            edit::restore(rec, session.theta, mask, origin);
            self.vectors.iter().for_each(|v| edit::mask(rec, *v, mask));
        }
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
