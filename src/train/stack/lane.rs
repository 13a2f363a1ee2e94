//! One model of a stack: where it stands, and the steps that it takes next.

use std::collections::{HashMap, HashSet, VecDeque};

use super::{Job, Trained};
use crate::engine::Data;
use crate::error::{Error, Result};
use crate::records::{Load, Records, Session};
use crate::train::TrainConfig;
use crate::train::batches::Batches;
use crate::train::fit::{Fit, Term};
use crate::train::progress::{EpochReport, FitState};
use crate::train::step::{Key, key};

/// The index lists of a step, and what they load.
type Step = (Vec<Vec<u32>>, Vec<Vec<Load>>);

/// Steps under way.
pub(super) struct Steps {
    /// Whose they are.
    pub model: usize,
    /// The number of the first.
    pub first: u64,
    /// Each one's records, with the factor on the sum of their losses.
    sizes: Vec<(usize, f64)>,
}

/// Steps to be submitted: what is recorded for them, and what they are given.
pub(super) struct Taken {
    pub steps: Steps,
    pub shapes: Key,
    pub inputs: Vec<Data>,
}

pub(super) struct Lane<'a> {
    fit: Fit,
    /// Its place in the session.
    model: usize,
    indices: &'a [u32],
    batches: Batches,
    per_epoch: usize,
    /// Steps of the epoch that were submitted.
    submitted: usize,
    /// The steps behind them that are alike, as far as they have been looked at, and the shape of one.
    next: VecDeque<Step>,
    shape: Option<Key>,
    pub epochs: Vec<EpochReport>,
}

impl<'a> Lane<'a> {
    pub fn new(session: &mut Session, shared: &Fit, model: usize, job: &Job<'a>) -> Result<Lane<'a>> {
        let mut fit = shared.sibling(job.seed, job.lr)?;
        if let Some(state) = &job.state {
            fit.restore_part(session, model, state)?;
        }
        let indices = job.indices;
        let terms = [Term { records: Records::train(indices), weight: 1.0 }];
        fit.check_terms(&terms)?;
        let (batches, per_epoch) = (fit.shuffled_batches(&fit.state, &terms), fit.steps_per_epoch(&terms));
        let (submitted, next, epochs) = (fit.state.at, VecDeque::new(), Vec::new());
        Ok(Lane { fit, model, indices, batches, per_epoch, submitted, next, shape: None, epochs })
    }

    pub fn terms(&self) -> [Term<'a>; 1] {
        [Term { records: Records::train(self.indices), weight: 1.0 }]
    }

    /// Steps that were submitted since the start.
    pub fn sent(&self) -> u64 {
        self.fit.state.step + (self.submitted - self.fit.state.at) as u64
    }

    /// The shape of its next step, if it has one.
    pub fn shape(&self) -> Option<&Key> {
        self.shape.as_ref()
    }

    /// Steps of that shape that are known to come.
    pub fn ahead(&self) -> usize {
        self.next.len()
    }

    /// Finds out what comes next, `most` steps at most.
    pub fn look_ahead(&mut self, session: &Session, most: usize) {
        let over = self.fit.state.epoch >= self.fit.config.epochs || self.submitted >= self.per_epoch;
        if !self.next.is_empty() || over {
            return;
        }
        let group = self.batches.group(self.submitted, self.per_epoch, most);
        let loads = self.fit.loads(session, &self.terms(), &group, self.sent());
        self.shape = Some(key(&loads[..1]));
        self.next = group.into_iter().zip(loads).collect();
    }

    /// Takes that many of its next steps.
    pub fn take(&mut self, session: &Session, steps: usize) -> Result<Taken> {
        let (group, loads): (Vec<_>, Vec<_>) = self.next.drain(..steps).unzip();
        if self.next.is_empty() {
            self.shape = None;
        }
        let (terms, first, shapes) = (self.terms(), self.sent(), key(&loads));
        let size = |lists: &Vec<Vec<u32>>| Ok((lists[0].len(), self.fit.mean_factor(session, &terms[0], &lists[0])?));
        let sizes = group.iter().map(size).collect::<Result<_>>()?;
        let inputs = self.fit.inputs(session, &terms, &group, loads, first, self.per_epoch)?;
        self.submitted += steps;
        Ok(Taken { steps: Steps { model: self.model, first, sizes }, shapes, inputs })
    }

    /// Books finished steps from their metrics.
    pub fn book(&mut self, metrics: &Data, steps: &Steps) -> Result<()> {
        for (s, size) in steps.sizes.iter().enumerate() {
            self.fit.digest(metrics, s, *size, steps.first + s as u64, self.per_epoch)?;
        }
        Ok(())
    }

    /// The report of an epoch whose steps are all done, and begins the next.
    pub fn close_epoch(&mut self) -> Option<EpochReport> {
        if self.fit.state.at < self.per_epoch {
            return None;
        }
        let report = self.fit.close_epoch(self.per_epoch);
        self.submitted = 0;
        self.batches = self.fit.shuffled_batches(&self.fit.state, &self.terms());
        Some(report)
    }

    /// What became of it.
    pub fn trained(self, session: &mut Session, shared: &Fit) -> Result<Trained> {
        let theta = session.read_values(session.values_of(self.model))?;
        let part = |session: &mut Session, of| session.engine.read(session.engine.part(of, self.model));
        let vectors = shared.vectors.iter().map(|v| part(session, *v)).collect::<Result<_>>()?;
        let average = shared.kept.average.map(|average| part(session, average)).transpose()?;
        Ok(Trained { theta, state: FitState { vectors, average, ..self.fit.state }, epochs: self.epochs })
    }
}

impl Fit {
    /// The same recipe from its first step, by another seed and perhaps another learning rate.
    fn sibling(&self, seed: u64, lr: Option<f64>) -> Result<Fit> {
        let mut config = self.config.clone();
        config.lr = lr.unwrap_or(config.lr);
        config.check()?;
        let course = TrainConfig { epochs: config.stage_epochs(), ..config.clone() };
        let (state, kept) = (FitState::default(), crate::train::kept::Kept { mark: None, score: None, ..self.kept });
        let (vectors, programs) = (self.vectors.clone(), HashMap::new());
        let Fit { batch_size, optimizer, bounds, frozen, tilt, pause_at, counts, .. } = *self;
        Ok(Fit {
            config,
            batch_size,
            optimizer,
            seed,
            vectors,
            state,
            programs,
            bounds,
            frozen,
            tilt,
            l1: None,
            pause_at,
            kept,
            counts,
            together: None,
            wish: false,
            course,
            begun: 0,
            without: HashSet::new(),
        })
    }

    /// Takes a saved state as that of one model of the session's stack.
    fn restore_part(&mut self, session: &mut Session, model: usize, state: &FitState) -> Result<()> {
        if state.vectors.len() != self.vectors.len() || state.average.is_some() != self.kept.average.is_some() {
            return Err(Error::input("the state of a model is of another optimiser or another train.ema"));
        }
        let places = self.vectors.iter().copied().chain(self.kept.average);
        for (to, from) in places.zip(state.vectors.iter().chain(&state.average)) {
            let to = session.engine.part(to, model);
            session.engine.write(to, from)?;
        }
        self.state = FitState { vectors: Vec::new(), average: None, ..state.clone() };
        Ok(())
    }
}
