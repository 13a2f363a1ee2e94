//! A training taken step by step: its batches in their order, with the gradient in sight before the update.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};

use super::batches::{Batches, Draw};
use super::config::TrainConfig;
use super::fit::{Term, VECTOR_NAMES};
use super::optimizer::Optimizer;
use super::order::Order;
use super::progress::FitState;
use crate::engine::{Buf, Data, Program, Recording, Ticket};
use crate::error::{Error, Result};
use crate::nn::{Mode, Sink};
use crate::records::Use;
use crate::records::{Records, Session};

/// The steps of the fit that a configuration and a seed describe, over the records as they were before the request.
/// Dropout is off: a network that has it cannot be replayed so.
pub struct Replay {
    config: TrainConfig,
    optimizer: Optimizer,
    seed: u64,
    records: Vec<u32>,
    /// What each record is known by, for recipes that order by it.
    keys: Vec<u64>,
    per_epoch: usize,
    /// Where the optimiser's state lies.
    vectors: Vec<Buf<f32>>,
    /// Sums of gradients, by records, scale and whether they add.
    gradients: HashMap<(usize, u32, bool), Program>,
    update: Program,
    flying: VecDeque<Ticket>,
    /// The epoch whose batches are at hand.
    epoch: Option<(usize, Vec<Vec<u32>>)>,
}

/// Submissions under way at most.
const IN_FLIGHT: usize = 8;

impl Replay {
    /// The replay from its first step, optimiser state zero; the session's parameters are the caller's affair.
    ///
    /// # Errors
    /// A configuration that is none; no records; no memory.
    pub fn new(session: &mut Session, config: &TrainConfig, seed: u64, records: &[u32]) -> Result<Replay> {
        config.check()?;
        if config.coupled.is_some() {
            return Err(Error::input(
                "[train.coupled] draws a subset of the records in each step, and the replay goes through them in \
                 turn; use method `coupling`, which replays its trace",
            ));
        }
        session.check_trainable()?;
        session.set_aim(&config.into())?;
        if config.slices.is_some() {
            return Err(Error::input("a training in slices is not taken step by step; use sisa, or retrain"));
        }
        if records.is_empty() {
            return Err(Error::input("there is no training to replay: the set of records is empty"));
        }
        let (optimizer, zeros) = (config.optimizer()?, vec![0.0; session.model.layout.total()]);
        let mut vectors = Vec::new();
        for name in VECTOR_NAMES.iter().take(optimizer.states()) {
            let v = session.vector(name)?;
            session.engine.write(v, &zeros)?;
            vectors.push(v);
        }
        let mut rec = session.recording();
        let hyper = rec.temp::<f32>("hyper", 3);
        rec.upload(hyper);
        optimizer.record(&mut rec, session.theta, session.grad, &vectors, hyper);
        let update = session.compile(rec)?;
        let (config, records, gradients) = (config.clone(), records.to_vec(), HashMap::new());
        let per_epoch = records.len().div_ceil(config.step_records());
        let (flying, epoch) = (VecDeque::new(), None);
        let keys = session.keys().to_vec();
        Ok(Replay { config, optimizer, seed, records, keys, per_epoch, vectors, gradients, update, flying, epoch })
    }

    /// Steps of the whole training.
    pub fn steps(&self) -> usize {
        self.per_epoch * self.config.epochs
    }

    /// The records of step `t`, in their order.
    pub fn batch(&mut self, t: usize) -> Vec<u32> {
        let epoch = t / self.per_epoch;
        if self.epoch.as_ref().is_none_or(|(known, _)| *known != epoch) {
            let first = (epoch * self.per_epoch) as u64;
            let state = FitState { epoch, step: first, ..FitState::default() };
            let terms = [Term { records: Records::before(&self.records), weight: 1.0 }];
            let keys = (self.config.order == Order::Keyed).then_some(&self.keys[..]);
            let draw = Draw { seed: self.seed, stage: 0, begun: 0, keys };
            let batches = Batches::new(&state, self.config.step_records(), draw, &terms);
            let all = (0..self.per_epoch).map(|at| batches.group(at, self.per_epoch, 1).remove(0).remove(0)).collect();
            self.epoch = Some((epoch, all));
        }
        self.epoch.as_ref().map_or(Vec::new(), |(_, all)| all[t % self.per_epoch].clone())
    }

    /// Submits `grad = scale · Σ g_n` over `records` at the session's parameters (added to what is there if
    /// `accumulate`).
    pub fn gradient(&mut self, session: &mut Session, records: &[u32], scale: f32, accumulate: bool) -> Result<()> {
        let key = (records.len(), scale.to_bits(), accumulate);
        let part = Records::before(records).part;
        let load = session.load(part, records, Use::Together);
        let program = match self.gradients.entry(key) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(free) => {
                let mut rec = session.recording();
                let sink = Sink::Mean { grad: session.grad, scale, accumulate };
                session.record_pass(&mut rec, (part, &load.shape), Mode::Eval, None, Some((sink, None)))?;
                free.insert(session.compile(rec)?)
            }
        };
        let ticket = session.engine.submit(program, &load.inputs)?;
        self.push(session, ticket)
    }

    /// Submits the update of step `t` by the gradient that lies in the session's scratch vector.
    pub fn update(&mut self, session: &mut Session, t: usize) -> Result<()> {
        let lr = self.config.lr_at(t as u64, self.per_epoch);
        let hyper = self.optimizer.hyper(lr, t as u64 + 1).to_vec();
        let ticket = session.engine.submit(&self.update, &[Data::F32(hyper)])?;
        self.push(session, ticket)
    }

    /// Submits something of the caller's between them.
    pub fn submit(&mut self, session: &mut Session, program: &Program, inputs: &[Data]) -> Result<()> {
        let ticket = session.engine.submit(program, inputs)?;
        self.push(session, ticket)
    }

    /// Runs something of the caller's behind what was submitted, once, and returns its outputs.
    pub fn run(
        &mut self,
        session: &mut Session,
        record: impl FnOnce(&mut Recording) -> Result<()>,
    ) -> Result<Vec<Data>> {
        self.wait(session)?;
        session.run(record)
    }

    /// Waits for all that was submitted.
    pub fn wait(&mut self, session: &mut Session) -> Result<()> {
        while let Some(ticket) = self.flying.pop_front() {
            session.engine.wait(ticket)?;
        }
        Ok(())
    }

    /// Starts again: the optimiser forgets, and waits for all that was submitted.
    pub fn rewind(&mut self, session: &mut Session) -> Result<()> {
        self.wait(session)?;
        let zeros = vec![0.0; session.model.layout.total()];
        self.vectors.iter().try_for_each(|v| session.engine.write(*v, &zeros))
    }

    fn push(&mut self, session: &mut Session, ticket: Ticket) -> Result<()> {
        self.flying.push_back(ticket);
        if self.flying.len() > IN_FLIGHT
            && let Some(first) = self.flying.pop_front()
        {
            session.engine.wait(first)?;
        }
        Ok(())
    }
}
