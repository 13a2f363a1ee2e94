//! Mini-batch optimisation: several steps per submission, up to three submissions in flight, no stall per step.

use std::collections::{BTreeSet, HashMap, VecDeque};

use super::batches::Batches;
use super::config::TrainConfig;
use super::load::{Load, Shape};
use super::optimizer::Optimizer;
use super::session::{Records, Session};
use super::watch;
use crate::engine::{ALIGN, Buf, Data, Program, Recording, Ticket};
use crate::error::{Error, Result};
use crate::kernels::philox::philox;
use crate::kernels::{edit, reduce};
use crate::nn::{Mode, Sink};

/// One part of the objective Σ weight · mean loss; a negative weight ascends.
#[derive(Clone, Copy, Debug)]
pub struct Term<'a> {
    pub records: Records<'a>,
    pub weight: f64,
}

/// What a step told the host: two scalars of the first term.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct StepReport {
    pub epoch: usize,
    pub step: u64,
    pub loss: f64,
    pub accuracy: f64,
    pub lr: f64,
}

/// Means over an epoch of the first term, as seen during its steps.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct EpochReport {
    pub epoch: usize,
    pub step: u64,
    pub loss: f64,
    pub accuracy: f64,
    pub lr: f64,
    pub steps: usize,
}

/// Why [`Fit::advance`] came back.
#[derive(Clone, Debug, PartialEq)]
pub enum Progress {
    Epoch(EpochReport),
    /// The observer asked for a pause; every submitted step is done.
    Paused,
    /// All epochs are done.
    Done,
}

/// Everything besides theta that the continuation of a fit depends on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FitState {
    pub epoch: usize,
    /// Steps done in this epoch, and since the start.
    pub at: usize,
    pub step: u64,
    pub loss_sum: f64,
    pub correct_sum: f64,
    pub count: f64,
    /// Optimiser vectors, padded like theta.
    pub vectors: Vec<Vec<f32>>,
}

/// A fit under way.
pub struct Fit {
    pub config: TrainConfig,
    /// Records of a step: the configuration's, or all of them.
    batch_size: usize,
    optimizer: Optimizer,
    seed: u64,
    vectors: Vec<Buf<f32>>,
    state: FitState,
    programs: HashMap<Key, StepProgram>,
}

struct StepProgram {
    program: Program,
    /// Scopes of the watched dispatches, where the session checks for NaN after each.
    watched: Option<watch::Watched>,
}

/// Shapes of the batches of a submission: for each step one per term.
type Key = Vec<Vec<Shape>>;

fn key(loads: &[Vec<Load>]) -> Key {
    loads.iter().map(|step| step.iter().map(|load| load.shape.clone()).collect()).collect()
}

/// Names of the optimiser vectors in a session and in a checkpoint.
pub const VECTOR_NAMES: [&str; 2] = ["optimizer.m", "optimizer.v"];

impl Fit {
    /// A fit from its first step, optimiser state zero.
    pub fn new(session: &mut Session, config: &TrainConfig, seed: u64) -> Result<Fit> {
        config.check()?;
        let optimizer = config.optimizer()?;
        let batch_size = session.batch_size(config)?;
        let zeros = vec![0.0; session.model.layout.total()];
        let mut vectors = Vec::new();
        for name in VECTOR_NAMES.iter().take(optimizer.states()) {
            let v = session.vector(name)?;
            session.engine.write(v, &zeros)?;
            vectors.push(v);
        }
        let (state, programs) = (FitState::default(), HashMap::new());
        Ok(Fit { config: config.clone(), batch_size, optimizer, seed, vectors, state, programs })
    }

    /// Where the fit stands, with the optimiser vectors read back.
    pub fn state(&self, session: &mut Session) -> Result<FitState> {
        let vectors = self.vectors.iter().map(|v| session.engine.read(*v)).collect::<Result<_>>()?;
        Ok(FitState { vectors, ..self.state.clone() })
    }

    /// Continues from a saved state; theta is the session's own affair.
    pub fn restore(&mut self, session: &mut Session, state: FitState) -> Result<()> {
        if state.vectors.len() != self.vectors.len() {
            return Err(Error::input("the checkpoint was written by another optimiser"));
        }
        for (to, from) in self.vectors.iter().zip(&state.vectors) {
            session.engine.write(*to, from)?;
        }
        self.state = FitState { vectors: Vec::new(), ..state };
        Ok(())
    }

    /// Compiles every program of the coming epoch, so that the memory it takes is held before the first step.
    ///
    /// # Errors
    /// A budget or an adapter that cannot hold it.
    pub fn prepare(&mut self, session: &mut Session, terms: &[Term]) -> Result<()> {
        check_terms(terms)?;
        let (per_epoch, batches) =
            (self.steps_per_epoch(terms), Batches::new(&self.state, self.batch_size, self.seed, terms));
        let most = self.steps_at_once(session);
        let mut at = 0;
        while at < per_epoch {
            let group = batches.group(at, per_epoch, most);
            let first = self.state.step - self.state.at as u64 + at as u64;
            let loads = self.loads(session, terms, &group, first);
            self.compiled(session, terms, &key(&loads))?;
            at += group.len();
        }
        Ok(())
    }

    /// Names of the kernels that the compiled steps dispatch.
    pub fn kernels(&self) -> BTreeSet<&'static str> {
        let recordings = self.programs.values().map(|p| p.program.recording());
        recordings.flat_map(|rec| rec.dispatches().map(|d| d.kernel.name)).collect()
    }

    /// Dispatches of one step, the most of any.
    pub fn dispatches_per_step(&self) -> usize {
        let each = self.programs.iter().map(|(key, made)| made.program.recording().dispatches().count() / key.len());
        each.max().unwrap_or(0)
    }

    /// Steps of one epoch over these terms.
    pub fn steps_per_epoch(&self, terms: &[Term]) -> usize {
        terms[0].records.indices.len().div_ceil(self.batch_size)
    }

    /// Steps recorded into one submission. Parts of a graph differ in size, so that groups of them would never recur.
    fn steps_at_once(&self, session: &Session) -> usize {
        if session.check_finite || session.is_graph() { 1 } else { self.config.steps_per_submission }
    }

    fn lr(&self, step: u64, per_epoch: usize) -> f64 {
        self.config.lr * self.config.schedule.factor(step, (per_epoch * self.config.epochs) as u64)
    }

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
        check_terms(terms)?;
        if self.state.epoch >= self.config.epochs {
            return Ok(Progress::Done);
        }
        let per_epoch = self.steps_per_epoch(terms);
        let batches = Batches::new(&self.state, self.batch_size, self.seed, terms);
        let mut flying: VecDeque<(Ticket, Key, u64, Vec<usize>)> = VecDeque::new();
        let mut submitted = self.state.at;
        let mut go_on = true;
        while go_on && (submitted < per_epoch || !flying.is_empty()) {
            let in_flight = if session.check_finite { 1 } else { 3 };
            while go_on && submitted < per_epoch && flying.len() < in_flight {
                let group = batches.group(submitted, per_epoch, self.steps_at_once(session));
                let first = self.state.step + (submitted - self.state.at) as u64;
                let (ticket, key) = self.submit(session, terms, &group, first, per_epoch)?;
                flying.push_back((ticket, key, first, group.iter().map(|g| g[0].len()).collect()));
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

    fn close_epoch(&mut self, per_epoch: usize) -> EpochReport {
        let s = &mut self.state;
        let report = EpochReport {
            epoch: s.epoch + 1,
            step: s.step,
            loss: s.loss_sum / s.count,
            accuracy: s.correct_sum / s.count,
            lr: self.config.lr * self.config.schedule.factor(s.step - 1, (per_epoch * self.config.epochs) as u64),
            steps: per_epoch,
        };
        s.epoch += 1;
        (s.at, s.loss_sum, s.correct_sum, s.count) = (0, 0.0, 0.0, 0.0);
        report
    }

    /// Books one finished step.
    fn digest(&mut self, metrics: &Data, s: usize, size: usize, step: u64, per_epoch: usize) -> Result<StepReport> {
        let m = metrics.f32();
        let (loss, correct) = (f64::from(m[s * ALIGN]), f64::from(m[s * ALIGN + 1]));
        let lr = self.lr(step, per_epoch);
        let epoch = self.state.epoch + 1;
        if !loss.is_finite() {
            return Err(Error::Device(format!(
                "the loss became {loss} in epoch {epoch}, step {} (learning rate {lr}); lower the learning rate, or run again with --check-finite to name the kernel",
                step + 1
            )));
        }
        self.state.loss_sum += loss;
        self.state.correct_sum += correct;
        self.state.count += size as f64;
        self.state.at += 1;
        self.state.step = step + 1;
        Ok(StepReport { epoch, step: step + 1, loss: loss / size as f64, accuracy: correct / size as f64, lr })
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
        let mut inputs = Vec::new();
        for (s, step) in loads.into_iter().enumerate() {
            let t = first + s as u64;
            inputs.push(Data::U32(vec![self.seed as u32, (self.seed >> 32) as u32, t as u32, 0]));
            inputs.push(Data::F32(self.optimizer.hyper(self.lr(t, per_epoch), t + 1).to_vec()));
            inputs.extend(step.into_iter().flat_map(|load| load.inputs));
        }
        let made = self.programs.get(&key).ok_or_else(|| Error::internal("the step program vanished"))?;
        inputs.extend(made.watched.as_ref().map(watch::Watched::unset));
        Ok((session.engine.submit(&made.program, &inputs)?, key))
    }

    /// The batches of a group of steps, the first of which is step `first`: for each step one per term.
    fn loads(&self, session: &Session, terms: &[Term], group: &[Vec<Vec<u32>>], first: u64) -> Vec<Vec<Load>> {
        let step = |(step, lists): (u64, &Vec<Vec<u32>>)| {
            let each = terms.iter().zip(lists).enumerate();
            let load = |(i, (term, list)): (usize, (&Term, &Vec<u32>))| {
                let draw = draws(self.seed, step, i as u32);
                session.load_step(term.records.part, list, &self.config.fanout, draw)
            };
            each.map(load).collect()
        };
        (first..).zip(group).map(step).collect()
    }

    /// Makes sure that there is a program for the batches' shapes.
    fn compiled(&mut self, session: &mut Session, terms: &[Term], key: &Key) -> Result<()> {
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
            for (i, (term, shape)) in terms.iter().zip(shapes).enumerate() {
                let scored = session.record_scored(&mut rec, term.records.part, shape, Mode::Train, Some(words))?;
                let scale = (term.weight / scored.n as f64) as f32;
                let sink = Sink::Mean { grad: session.grad, scale, accumulate: i > 0 };
                session.model.backward(&mut rec, session.theta, &scored.tape, scored.dlogits, Some(words), sink)?;
                if i == 0 {
                    scored.record_sums(&mut rec, metrics.range(s * ALIGN..s * ALIGN + 2));
                }
            }
            rec.enter("update");
            self.record_clip(&mut rec, session.grad);
            self.optimizer.record(&mut rec, session.theta, session.grad, &self.vectors, hyper);
            rec.leave();
        }
        rec.readback(metrics);
        let watched = if session.check_finite { Some(watch::watch(&mut rec)?) } else { None };
        Ok(StepProgram { program: session.engine.compile(rec)?, watched })
    }

    fn record_clip(&self, rec: &mut Recording, grad: Buf<f32>) {
        if self.config.clip_norm > 0.0 {
            let norm2 = rec.temp("norm2", 1);
            reduce::total(rec, grad, norm2, 1.0, true);
            edit::clip(rec, grad, norm2, self.config.clip_norm as f32);
        }
    }
}

fn check_terms(terms: &[Term]) -> Result<()> {
    match terms.is_empty() || terms.iter().any(|t| t.records.indices.is_empty()) {
        true => Err(Error::input("there is nothing to train on: the set of records is empty")),
        false => Ok(()),
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
