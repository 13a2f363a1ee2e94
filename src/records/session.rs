//! A session: one model's parameters and one data set on one engine.

use std::collections::HashMap;

use super::graph::ResidentGraph;
use super::load::Shape;
use super::relabel::Relabelled;
use super::rows::Resident;
use crate::data::{Dataset, Deletion, GraphData, Samples};
use crate::engine::{ALIGN, Buf, Engine, Program, Recording};
use crate::error::{Error, Result};
use crate::nn::Model;

/// Which split of the resident data. There is no test split here: what trains or unlearns never sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// Training records; of a graph, after the request.
    Train,
    /// Training records as they were before the request: on a graph, what was deleted is still there. The same as
    /// `Train` where records stand alone.
    Before,
    /// Validation records.
    Validation,
}

/// Some records of one part.
#[derive(Clone, Copy, Debug)]
pub struct Records<'a> {
    /// Where the indices count.
    pub part: Part,
    /// Indices within the part; repetitions are allowed.
    pub indices: &'a [u32],
}

impl<'a> Records<'a> {
    /// Training records, of a graph as it is after the request.
    pub fn train(indices: &'a [u32]) -> Records<'a> {
        Records { part: Part::Train, indices }
    }

    /// Training records, of a graph as it was before the request.
    pub fn before(indices: &'a [u32]) -> Records<'a> {
        Records { part: Part::Before, indices }
    }
}

/// The data of a session, on the engine.
pub(crate) enum Store {
    Rows(HashMap<Part, Resident>),
    Graph(Box<ResidentGraph>),
}

/// Parameters, gradient and resident data. Dropping it gives the engine's memory back.
pub struct Session<'e> {
    /// Where everything runs.
    pub engine: &'e mut Engine,
    /// The network whose parameters the session holds.
    pub model: &'e Model,
    /// The flat parameter vector.
    pub theta: Buf<f32>,
    /// Scratch of the same layout: gradients, and sums of squares on their way to a mean.
    pub grad: Buf<f32>,
    /// Records that one statistics batch holds.
    pub batch: usize,
    /// After every dispatch of a training step, look for NaN and Inf in what it wrote.
    pub check_finite: bool,
    pub(crate) store: Store,
    /// Programs of sums over records, by what they sum and the shape of their batches.
    pub(crate) programs: HashMap<(&'static str, Part, Shape), Program>,
    /// Drawn classes of the records before the request, where a method has put them there.
    pub(crate) relabelled: Option<Relabelled>,
    /// The largest memory plan among programs of sums over records, in bytes.
    pub(crate) planned: u64,
    /// Where rows of per-sample gradients are put; made when it is first needed.
    pub(crate) slab: Option<Buf<f32>>,
    vectors: HashMap<&'static str, Buf<f32>>,
    mark: usize,
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        self.engine.release(self.mark);
    }
}

impl<'e> Session<'e> {
    /// Uploads the data and starts from `theta` (padded flat vector, see [`Model::init`]).
    pub fn new(
        engine: &'e mut Engine,
        model: &'e Model,
        train: &Samples,
        validation: &Samples,
        theta: &[f32],
    ) -> Result<Session<'e>> {
        Session::with(engine, model, theta, |engine| {
            let mut parts = HashMap::new();
            for (part, name, samples) in [(Part::Train, "train", train), (Part::Validation, "validation", validation)] {
                if !samples.y.is_empty() {
                    parts.insert(part, Resident::upload(engine, name, samples, model.width())?);
                }
            }
            Ok(Store::Rows(parts))
        })
    }

    /// As [`Session::new`] over a graph, before and after a deletion. Indices are then ids of nodes, or of graphs.
    pub fn on_graph(
        engine: &'e mut Engine,
        model: &'e Model,
        data: &GraphData,
        deletion: Option<&Deletion>,
        theta: &[f32],
    ) -> Result<Session<'e>> {
        Session::with(engine, model, theta, |engine| {
            Ok(Store::Graph(Box::new(ResidentGraph::upload(engine, data, deletion)?)))
        })
    }

    /// A session over the training and validation part of a data set of either kind.
    pub fn of(
        engine: &'e mut Engine,
        model: &'e Model,
        data: &Dataset,
        deletion: Option<&Deletion>,
        theta: &[f32],
    ) -> Result<Session<'e>> {
        match &data.graph {
            Some(graph) => Session::on_graph(engine, model, graph, deletion, theta),
            None => Session::new(engine, model, &data.train, &data.validation, theta),
        }
    }

    fn with(
        engine: &'e mut Engine,
        model: &'e Model,
        theta: &[f32],
        store: impl FnOnce(&mut Engine) -> Result<Store>,
    ) -> Result<Session<'e>> {
        let mark = engine.mark();
        let total = model.layout.total();
        let (theta_buf, grad) = (engine.alloc("theta", total)?, engine.alloc("grad", total)?);
        engine.write(theta_buf, theta)?;
        let store = store(engine)?;
        let batch = if engine.target().software { 128 } else { 512 };
        let (vectors, programs) = (HashMap::new(), HashMap::new());
        Ok(Session {
            engine,
            model,
            theta: theta_buf,
            grad,
            batch,
            check_finite: false,
            store,
            programs,
            relabelled: None,
            planned: 0,
            slab: None,
            vectors,
            mark,
        })
    }

    /// Number of records of a part; 0 where there is none.
    pub fn len(&self, part: Part) -> usize {
        match (&self.store, part) {
            (Store::Rows(parts), Part::Train | Part::Before) => parts.get(&Part::Train).map_or(0, |r| r.len),
            (Store::Rows(parts), Part::Validation) => parts.get(&Part::Validation).map_or(0, |r| r.len),
            (Store::Graph(graph), Part::Train | Part::Before) => graph.train.len(),
            (Store::Graph(graph), Part::Validation) => graph.validation.len(),
        }
    }

    /// The records of a part: positions in it, or ids of a graph's nodes or graphs.
    pub fn ids(&self, part: Part) -> Vec<u32> {
        match (&self.store, part) {
            (Store::Rows(_), _) => (0..self.len(part) as u32).collect(),
            (Store::Graph(graph), Part::Train | Part::Before) => graph.train.clone(),
            (Store::Graph(graph), Part::Validation) => graph.validation.clone(),
        }
    }

    /// Classes of training and validation nodes of a graph, or of its graphs.
    ///
    /// # Errors
    /// Another record, or data that are no graph.
    pub fn classes(&self, records: &[u32]) -> Result<Vec<u32>> {
        let Store::Graph(graph) = &self.store else {
            return Err(Error::internal("classes on the host without a graph"));
        };
        graph.check(records, true)?;
        Ok(graph.classes(records))
    }

    /// True where records are the nodes of a graph, or graphs.
    pub fn is_graph(&self) -> bool {
        matches!(self.store, Store::Graph(_))
    }

    /// True if there is nothing to train on.
    pub fn is_empty(&self) -> bool {
        self.len(Part::Train) == 0
    }

    /// A named vector of the parameters' layout, zeroed when it is first asked for.
    pub fn vector(&mut self, name: &'static str) -> Result<Buf<f32>> {
        if let Some(found) = self.vectors.get(name) {
            return Ok(*found);
        }
        let made = self.engine.alloc(name, self.model.layout.total())?;
        self.vectors.insert(name, made);
        Ok(made)
    }

    /// A kept scalar of the GPU, in a block of its own.
    pub fn scalar(&mut self, name: &'static str) -> Result<Buf<f32>> {
        if let Some(found) = self.vectors.get(name) {
            return Ok(*found);
        }
        let made = self.engine.alloc::<f32>(name, ALIGN)?.range(0..1);
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
        let made = self.engine.alloc(name, len)?;
        self.vectors.insert(name, made);
        Ok(made)
    }

    /// The flat parameter vector on the host.
    pub fn read_theta(&mut self) -> Result<Vec<f32>> {
        self.engine.read(self.theta)
    }

    /// Replaces the parameters, [layout.total()].
    pub fn write_theta(&mut self, theta: &[f32]) -> Result<()> {
        self.engine.write(self.theta, theta)
    }

    /// An empty recording for this engine.
    pub fn recording(&self) -> Recording {
        Recording::new(self.engine.target())
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
