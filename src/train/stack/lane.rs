//! One model of a stack: where it stands, and the steps that it takes next.

use std::collections::{HashMap, HashSet, VecDeque};

use super::{Job, Trained, grouped};
use crate::engine::Data;
use crate::error::{Error, Result};
use crate::records::{Load, Part, Records, Session};
use crate::train::TrainConfig;
use crate::train::batches::Batches;
use crate::train::fit::{Fit, Term};
use crate::train::progress::{EpochReport, FitState};
use crate::train::slices::Stage;
use crate::train::step::{Key, key};
use crate::train::taught::Taught;

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

impl Steps {
    pub fn count(&self) -> usize {
        self.sizes.len()
    }
}

/// Steps to be submitted: what is recorded for them, and what they are given.
pub(super) struct Taken {
    pub steps: Steps,
    pub shapes: Key,
    pub inputs: Vec<Data>,
}

pub(super) struct Lane<'a> {
    pub fit: Fit,
    /// Its place in the session.
    pub model: usize,
    /// All that it learns, and the stage that it stands in, where it learns in slices.
    all: &'a [u32],
    stage: Option<Stage>,
    /// What its epochs are scored by, if it is not empty.
    pub validation: &'a [u32],
    batches: Batches,
    per_epoch: usize,
    /// Steps of the epoch that were submitted.
    submitted: usize,
    /// The steps behind them that are alike, as far as they have been looked at, and the shape of one.
    next: VecDeque<Step>,
    shape: Option<Key>,
    pub epochs: Vec<EpochReport>,
    /// Ended before its last epoch.
    pub stopped: bool,
}

/// One set of records.
fn term(indices: &[u32]) -> [Term<'_>; 1] {
    [Term { records: Records::train(indices), weight: 1.0 }]
}

impl<'a> Lane<'a> {
    pub fn new(session: &mut Session, shared: &Fit, model: usize, job: &Job<'a>) -> Result<Lane<'a>> {
        let mut fit = shared.sibling(job.seed, job.lr)?;
        if let Some(state) = &job.state {
            fit.restore_part(session, model, state)?;
        }
        let all = job.indices;
        fit.check_terms(session, &term(all))?;
        let batches = fit.batches(session, &FitState::default(), &term(all), &None);
        let mut lane = Lane {
            fit,
            model,
            all,
            stage: None,
            validation: job.validation,
            batches,
            per_epoch: 0,
            submitted: 0,
            next: VecDeque::new(),
            shape: None,
            epochs: Vec::new(),
            stopped: false,
        };
        lane.enter(session)?;
        Ok(lane)
    }

    /// Begins the epoch that the fit stands in, or goes on with it.
    pub fn enter(&mut self, session: &mut Session) -> Result<()> {
        self.submitted = self.fit.state.at;
        if self.over() {
            return Ok(());
        }
        self.stage = self.fit.stage(session, self.all, self.fit.state.epoch)?;
        if let Some(stage) = &self.stage {
            self.fit.begun = stage.first;
            if self.fit.restarts(stage) {
                let zeros = vec![0.0; session.model.layout.total()];
                for vector in &self.fit.vectors {
                    let part = session.engine.part(*vector, self.model);
                    session.engine.write(part, &zeros)?;
                }
            }
        }
        let terms = self.terms();
        let batches = self.fit.batches(session, &self.fit.state, &terms, &self.stage);
        (self.per_epoch, self.batches) = (self.fit.steps_per_epoch(&terms), batches);
        Ok(())
    }

    fn over(&self) -> bool {
        self.stopped || self.fit.state.epoch >= self.fit.config.epochs
    }

    pub fn terms(&self) -> [Term<'_>; 1] {
        term(self.stage.as_ref().map_or(self.all, |stage| &stage.records))
    }

    /// What its epochs are scored by.
    pub fn validated(&self) -> Records<'_> {
        Records { part: Part::Validation, indices: self.validation }
    }

    /// Its steps from the start to the end.
    pub fn steps(&self, session: &Session) -> Result<u64> {
        self.fit.steps(session, &term(self.all))
    }

    /// The shapes of the submissions that are to come, as far as each is the lane's alone: what recurs in every epoch,
    /// of each stage.
    pub fn keys(&self, session: &Session, most: usize) -> Result<Vec<Key>> {
        let (mut keys, every): (Vec<Key>, usize) = (Vec::new(), self.fit.config.stage_epochs().max(1));
        let mut state = FitState { at: 0, step: self.fit.state.step - self.fit.state.at as u64, ..FitState::default() };
        for epoch in (self.fit.state.epoch..self.fit.config.epochs).step_by(every) {
            state.epoch = epoch;
            let stage = self.fit.stage(session, self.all, epoch)?;
            if let Some(stage) = &stage {
                state.step = stage.first;
            }
            let terms = term(stage.as_ref().map_or(self.all, |stage| &stage.records));
            let (batches, per_epoch) =
                (self.fit.batches(session, &state, &terms, &stage), self.fit.steps_per_epoch(&terms));
            let mut at = 0;
            while at < per_epoch {
                let group = batches.group(at, per_epoch, most);
                let taken = &group[..grouped(group.len(), most)];
                let key = key(&self.fit.loads(session, &terms, taken, state.step + at as u64));
                if !keys.contains(&key) {
                    keys.push(key);
                }
                at += group.len();
            }
        }
        Ok(keys)
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
        if !self.next.is_empty() || self.over() || self.submitted >= self.per_epoch {
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

    /// The report of an epoch whose steps are all done; [`Lane::enter`] begins the next.
    pub fn close_epoch(&mut self) -> Option<EpochReport> {
        let done = !self.over() && self.fit.state.at >= self.per_epoch;
        done.then(|| self.fit.close_epoch(self.per_epoch))
    }

    /// The network's numbers.
    pub fn theta(&self, session: &mut Session) -> Result<Vec<f32>> {
        session.read_values(session.values_of(self.model))
    }

    /// Where its fit stands, with the optimiser's vectors.
    pub fn state(&self, session: &mut Session, shared: &Fit) -> Result<FitState> {
        let part = |session: &mut Session, of| session.engine.read(session.engine.part(of, self.model));
        let vectors = shared.vectors.iter().map(|v| part(session, *v)).collect::<Result<_>>()?;
        let average = shared.kept.average.map(|average| part(session, average)).transpose()?;
        Ok(FitState { vectors, average, ..self.fit.state.clone() })
    }

    /// What became of it.
    pub fn trained(self, session: &mut Session, shared: &Fit) -> Result<Trained> {
        Ok(Trained { theta: self.theta(session)?, state: self.state(session, shared)?, epochs: self.epochs })
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
            noisy: None,
            taught: Taught::default(),
        })
    }

    /// Takes a saved state as that of one model of the session's stack.
    pub(super) fn restore_part(&mut self, session: &mut Session, model: usize, state: &FitState) -> Result<()> {
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
