//! A session: one model's parameters and one data set on one engine.

use std::collections::HashMap;

use super::resident::Resident;
use crate::data::Samples;
use crate::engine::{ALIGN, Buf, Engine, Program, Recording};
use crate::error::{Error, Result};
use crate::nn::Model;

/// Which split of the resident data. There is no test split here: what trains or unlearns never sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    Train,
    Validation,
}

/// Some records of one part.
#[derive(Clone, Copy, Debug)]
pub struct Records<'a> {
    pub part: Part,
    pub indices: &'a [u32],
}

impl<'a> Records<'a> {
    pub fn train(indices: &'a [u32]) -> Records<'a> {
        Records { part: Part::Train, indices }
    }
}

/// Parameters, gradient and resident data. Dropping it gives the engine's memory back.
pub struct Session<'e> {
    pub engine: &'e mut Engine,
    pub model: &'e Model,
    /// The flat parameter vector.
    pub theta: Buf<f32>,
    /// Scratch of the same layout: gradients, and sums of squares on their way to a mean.
    pub grad: Buf<f32>,
    /// Records that one statistics batch holds.
    pub batch: usize,
    /// After every dispatch of a training step, look for NaN and Inf in what it wrote.
    pub check_finite: bool,
    parts: HashMap<Part, Resident>,
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
        let mark = engine.mark();
        let total = model.layout.total();
        let (theta_buf, grad) = (engine.alloc("theta", total)?, engine.alloc("grad", total)?);
        engine.write(theta_buf, theta)?;
        let mut parts = HashMap::new();
        for (part, name, samples) in [(Part::Train, "train", train), (Part::Validation, "validation", validation)] {
            if !samples.y.is_empty() {
                parts.insert(part, Resident::upload(engine, name, samples, model.width())?);
            }
        }
        let batch = if engine.target().software { 128 } else { 512 };
        let vectors = HashMap::new();
        Ok(Session { engine, model, theta: theta_buf, grad, batch, check_finite: false, parts, vectors, mark })
    }

    /// The resident records of a part.
    pub fn part(&self, part: Part) -> Result<&Resident> {
        self.parts.get(&part).ok_or_else(|| Error::input(format!("the data set has no {part:?} split")))
    }

    /// Number of records of a part; 0 where there is none.
    pub fn len(&self, part: Part) -> usize {
        self.parts.get(&part).map_or(0, |r| r.len)
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

    /// The flat parameter vector on the host.
    pub fn read_theta(&mut self) -> Result<Vec<f32>> {
        self.engine.read(self.theta)
    }

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
