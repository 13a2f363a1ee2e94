//! A session: one model's parameters and one data set on one engine.

use std::collections::HashMap;
use std::rc::Rc;

use super::augment::Augment;
use super::batch::Shape;
use super::drawn::Drawn;
use super::objective::{Objective, Weighing};
use super::part::Part;
use super::preferred::Preferred;
use super::resident::Resident;
use super::trail::Passed;
use super::upload::upload;
use crate::data::{Deletion, GraphData, Samples, Shards, Training};
use crate::engine::{ALIGN, Buf, Engine, Program, Recording};
use crate::error::{Error, Result};
use crate::nn::{Model, Values};

/// Logits that a recording holds of a batch at once: 64 MiB.
pub(super) const HELD: usize = 1 << 24;

/// Parameters, gradient and resident data. Dropping it gives the engine's memory back.
pub struct Session<'e> {
    /// Where everything runs.
    pub engine: &'e mut Engine,
    /// The network whose parameters the session holds.
    pub model: &'e Model,
    /// The flat parameter vector.
    pub theta: Buf<f32>,
    /// Running statistics of the network, where it has any.
    pub state: Option<Buf<f32>>,
    /// Scratch of the same layout: gradients, and sums of squares on their way to a mean.
    pub grad: Buf<f32>,
    /// Records that one statistics batch holds.
    pub batch: usize,
    /// Logits of texts that a recording of training or of sums over records holds at once.
    pub held: usize,
    /// After every dispatch of a training step, look for NaN and Inf in what it wrote.
    pub check_finite: bool,
    /// How many models' parameters it holds, where they are a stack.
    pub(super) models: Option<usize>,
    pub(super) resident: Rc<dyn Resident>,
    /// What the network is trained for.
    pub(super) objective: &'static Objective,
    /// [`Objective::kept`] on the engine.
    pub(super) kept: Option<Buf<f32>>,
    /// [`super::objective::Aim::huber_delta`].
    pub(super) delta: f32,
    /// Weights of classes and smoothing, where the objective has any.
    pub(super) weighing: Option<Weighing>,
    /// What training steps do to pictures.
    pub(super) augment: Option<Augment>,
    /// The records are a reader's, on which nothing may be trained.
    pub(super) read_only: bool,
    /// Programs of sums over records, by what they sum and the shape of their batches.
    pub(crate) programs: HashMap<(&'static str, Part, Shape), Program>,
    /// Drawn classes of the records before the request, where a method has put them there.
    pub(super) drawn: Option<Drawn>,
    /// Texts that are preferred to records, where a method has put them there.
    pub(super) preferred: HashMap<u32, Preferred>,
    /// The largest memory plan among programs of sums over records, in bytes.
    pub(crate) planned: u64,
    /// Where rows of per-sample gradients are put; made when it is first needed.
    pub(crate) slab: Option<Buf<f32>>,
    /// The epochs of the fits so far.
    pub trail: Vec<Passed>,
    vectors: HashMap<&'static str, Buf<f32>>,
    /// See [`Session::keys`].
    pub(super) keys: Vec<u64>,
    /// Another session's programs go on when it ends: [`Session::under`].
    pub(super) within: bool,
    mark: usize,
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        match self.within {
            true => self.engine.release_kept(self.mark),
            false => self.engine.release(self.mark),
        }
    }
}

impl<'e> Session<'e> {
    /// Uploads rows and starts from `theta` (padded flat vector, see [`Model::init`]).
    ///
    /// # Errors
    /// No memory.
    pub fn new(
        engine: &'e mut Engine,
        model: &'e Model,
        train: &Samples,
        validation: &Samples,
        theta: &[f32],
    ) -> Result<Session<'e>> {
        Session::of(engine, model, Training::rows(train, validation), None, theta)
    }

    /// As [`Session::new`] over a graph, before and after a deletion. Indices are then ids of nodes, or of graphs.
    ///
    /// # Errors
    /// No memory.
    pub fn on_graph(
        engine: &'e mut Engine,
        model: &'e Model,
        data: &GraphData,
        deletion: Option<&Deletion>,
        theta: &[f32],
    ) -> Result<Session<'e>> {
        Session::of(engine, model, Training::graph(data), deletion, theta)
    }

    /// A session over the training and validation part of data of any kind: what a data set's [`Training`] holds.
    ///
    /// # Errors
    /// No memory; a held-out edge in the graph.
    pub fn of<'a>(
        engine: &'e mut Engine,
        model: &'e Model,
        training: impl Into<Training<'a>>,
        deletion: Option<&Deletion>,
        theta: &[f32],
    ) -> Result<Session<'e>> {
        let training = training.into();
        let mut made = Session::with(engine, model, theta, |engine| upload(engine, model, training.known(), deletion))?;
        made.keys = training.keys().to_vec();
        Ok(made)
    }

    pub(super) fn with(
        engine: &'e mut Engine,
        model: &'e Model,
        theta: &[f32],
        resident: impl FnOnce(&mut Engine) -> Result<Rc<dyn Resident>>,
    ) -> Result<Session<'e>> {
        let mut session = Session::holding(engine, model, None, resident)?;
        session.write_theta(theta)?;
        Ok(session)
    }

    /// A session whose parameters, those of one model or of each of a stack, are 0.
    pub(super) fn holding(
        engine: &'e mut Engine,
        model: &'e Model,
        models: Option<usize>,
        resident: impl FnOnce(&mut Engine) -> Result<Rc<dyn Resident>>,
    ) -> Result<Session<'e>> {
        let mark = engine.mark();
        let total = model.layout.total();
        let (theta, grad) = (alloc(engine, models, "theta", total)?, alloc(engine, models, "grad", total)?);
        let state = match model.layout.state_total() {
            0 => None,
            state => Some(alloc(engine, models, "state", state)?),
        };
        let resident = resident(engine)?;
        let objective = resident.objective();
        let batch = if engine.target().software { 128 } else { 512 };
        let (vectors, programs) = (HashMap::new(), HashMap::new());
        Ok(Session {
            engine,
            model,
            theta,
            state,
            grad,
            batch,
            held: HELD,
            check_finite: false,
            models,
            resident,
            objective,
            kept: None,
            delta: 1.0,
            weighing: None,
            augment: None,
            read_only: false,
            programs,
            drawn: None,
            preferred: HashMap::new(),
            planned: 0,
            slab: None,
            trail: Vec::new(),
            vectors,
            keys: Vec::new(),
            within: false,
            mark,
        })
    }

    /// A named vector of the parameters' layout, zeroed when it is first asked for.
    pub fn vector(&mut self, name: &'static str) -> Result<Buf<f32>> {
        if let Some(found) = self.vectors.get(name) {
            return Ok(*found);
        }
        let made = alloc(self.engine, self.models, name, self.model.layout.total())?;
        self.vectors.insert(name, made);
        Ok(made)
    }

    /// A kept scalar of the GPU, in a block of its own.
    pub fn scalar(&mut self, name: &'static str) -> Result<Buf<f32>> {
        if let Some(found) = self.vectors.get(name) {
            return Ok(*found);
        }
        let made = alloc(self.engine, self.models, name, ALIGN)?.range(0..1);
        self.vectors.insert(name, made);
        Ok(made)
    }

    /// A named range of `len` numbers, kept and zeroed when it is first asked for at this length.
    ///
    /// # Errors
    /// No memory, or more than one binding holds.
    pub fn block(&mut self, name: &'static str, len: usize) -> Result<Buf<f32>> {
        if let Some(found) = self.vectors.get(name).filter(|b| b.len == len) {
            return Ok(*found);
        }
        let most = self.engine.max_binding();
        if len > most {
            return Err(Error::input(format!(
                "`{name}` needs {len} numbers in one buffer, and {most} fit; keep fewer vectors"
            )));
        }
        let made = alloc(self.engine, self.models, name, len)?;
        self.vectors.insert(name, made);
        Ok(made)
    }

    /// What each training record is known by, by its id, whatever other records there are; empty where they have none.
    pub fn keys(&self) -> &[u64] {
        &self.keys
    }

    /// The slice of a training record among `count`; its key must be known.
    pub fn slice(&self, record: u32, seed: u64, count: usize) -> usize {
        Shards::slice(self.keys.get(record as usize).copied().unwrap_or(0), seed, count)
    }

    /// Where the network's numbers lie.
    pub fn values(&self) -> Values {
        Values { theta: self.theta, state: self.state }
    }

    /// The network's numbers on the host, [layout.whole()]: the parameters, and running statistics behind them.
    pub fn read_theta(&mut self) -> Result<Vec<f32>> {
        self.read_values(self.values())
    }

    /// A network's numbers on the host.
    ///
    /// # Errors
    /// A lost device.
    pub fn read_values(&mut self, at: Values) -> Result<Vec<f32>> {
        let mut all = self.engine.read(at.theta)?;
        if let Some(state) = at.state {
            all.extend(self.engine.read(state)?);
        }
        Ok(all)
    }

    /// Replaces the network's numbers, [layout.whole()].
    pub fn write_theta(&mut self, theta: &[f32]) -> Result<()> {
        self.write_values(self.values(), theta)
    }

    /// Replaces a network's numbers.
    ///
    /// # Errors
    /// Another number of them; a lost device.
    pub fn write_values(&mut self, to: Values, numbers: &[f32]) -> Result<()> {
        write_values(self.engine, to, numbers)
    }

    /// An empty recording for this engine, stacked where the session holds a stack of models.
    pub fn recording(&self) -> Recording {
        match self.models {
            Some(models) => self.engine.recording().stacked(models),
            None => self.engine.recording(),
        }
    }

    /// Records with `record`, compiles, runs once and returns the outputs.
    pub fn run(&mut self, record: impl FnOnce(&mut Recording) -> Result<()>) -> Result<Vec<crate::engine::Data>> {
        let mut rec = self.recording();
        record(&mut rec)?;
        let program = self.engine.compile(rec)?;
        self.engine.run(&program, &[])
    }

    /// Compiles a recording that is run many times.
    pub fn compile(&mut self, rec: Recording) -> Result<Program> {
        self.engine.compile(rec)
    }
}

/// Numbers of one model, or of each of a stack.
fn alloc(engine: &mut Engine, models: Option<usize>, name: &str, len: usize) -> Result<Buf<f32>> {
    match models {
        Some(models) => engine.alloc_parts(name, len, models),
        None => engine.alloc(name, len),
    }
}

/// Writes parameters and what lies behind them.
fn write_values(engine: &mut Engine, to: Values, numbers: &[f32]) -> Result<()> {
    let (theta, state) = numbers.split_at_checked(to.theta.len).unwrap_or((numbers, &[]));
    engine.write(to.theta, theta)?;
    match to.state {
        Some(at) => engine.write(at, state),
        None => Ok(()),
    }
}
