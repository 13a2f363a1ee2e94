//! How records reach a recording: gathered from resident rows, read off the whole graph, or as a part of it.

use super::graph::ResidentGraph;
use super::session::{Part, Records, Session, Store};
use super::subgraph::{self, Size};
use crate::engine::{Buf, Data, Recording};
use crate::error::{Error, Result};
use crate::nn::structure::{GraphInput, Structure};
use crate::nn::{Mode, Tape};

/// What a recording must know of a batch; batches of one shape share a program.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Shape {
    /// So many resident records, listed by an input.
    Listed(usize),
    /// These nodes of the whole graph, which lie on the engine for good: nothing crosses the bus.
    Fixed(Vec<u32>),
    /// All training edges with negatives, or all held-out pairs: so many. Nothing crosses the bus.
    Links(usize),
    /// A part of a graph; its lists are inputs.
    Part { size: Size, records: usize, sampled: bool },
}

/// A batch on the host.
pub(crate) struct Load {
    pub shape: Shape,
    pub inputs: Vec<Data>,
}

/// A batch in a recording.
pub(crate) struct Batch {
    /// Records.
    pub n: usize,
    /// Which they are: positions in their part, or ids of a graph's nodes or graphs.
    pub ids: Buf<u32>,
    /// Their classes.
    pub labels: Buf<u32>,
    input: Input,
}

impl Batch {
    /// x [n, width], where records stand alone.
    pub fn rows(&self) -> Option<Buf<f32>> {
        match &self.input {
            Input::Rows(x) => Some(*x),
            Input::Graph(_) => None,
        }
    }

    /// What messages run along, where records are nodes or graphs.
    pub fn structure_mut(&mut self) -> Option<&mut Structure> {
        match &mut self.input {
            Input::Graph(input) => Some(&mut input.structure),
            Input::Rows(_) => None,
        }
    }
}

enum Input {
    Rows(Buf<f32>),
    Graph(Box<GraphInput>),
}

/// What is done with the records of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// Read together: sums of losses and gradients, logits.
    Together,
    /// A gradient for each: in a graph, each record gets its surroundings to itself.
    Each,
}

impl Session<'_> {
    /// Index lists of the batches that the records are read in.
    pub(crate) fn pieces(&self, records: Records, batch: usize, how: Use) -> Vec<Vec<u32>> {
        match &self.store {
            Store::Graph(g) if how == Use::Together && !g.of_graphs() => vec![records.indices.to_vec()],
            Store::Graph(g) => g.pieces(g.side(records.part), records.indices, batch, self.model.hops()),
            Store::Rows(_) => records.indices.chunks(batch).map(<[u32]>::to_vec).collect(),
        }
    }

    /// A batch of one of the [`Session::pieces`].
    pub(crate) fn load(&self, part: Part, indices: &[u32], how: Use) -> Load {
        let listed = || Load { shape: Shape::Listed(indices.len()), inputs: vec![Data::U32(indices.to_vec())] };
        let Store::Graph(g) = &self.store else { return listed() };
        if g.links.is_some() && part == Part::Validation {
            return Load { shape: Shape::Links(indices.len()), inputs: Vec::new() };
        }
        if how == Use::Together && !g.of_graphs() {
            return listed();
        }
        let made = g.part(g.side(part), indices, self.model.hops());
        let size = made.size(g.width());
        self.part_load(g, indices, made, size, false)
    }

    /// A batch of training: whole nodes lists are fixed, sampled or collected parts are rounded up so that programs serve
    /// many batches.
    pub(crate) fn load_step(
        &self,
        part: Part,
        indices: &[u32],
        fanout: &[usize],
        draw: impl FnMut(usize) -> usize,
    ) -> Load {
        let Store::Graph(g) = &self.store else { return self.load(part, indices, Use::Together) };
        if g.links.is_some() {
            return Load { shape: Shape::Links(indices.len()), inputs: Vec::new() };
        }
        let side = g.side(part);
        let (made, sampled) = match (g.of_graphs(), fanout) {
            (true, _) => (g.part(side, indices, 0), false),
            (false, []) => {
                let mut fixed = indices.to_vec();
                fixed.sort_unstable();
                return Load { shape: Shape::Fixed(fixed), inputs: Vec::new() };
            }
            (false, fanout) => (g.sampled(side, indices, fanout, draw), true),
        };
        let size = made.size(g.width()).rounded();
        self.part_load(g, indices, made, size, sampled)
    }

    pub(crate) fn part_load(
        &self,
        g: &ResidentGraph,
        indices: &[u32],
        made: subgraph::SubGraph,
        size: Size,
        sampled: bool,
    ) -> Load {
        let mut inputs = vec![Data::U32(indices.to_vec())];
        inputs.extend(subgraph::inputs(made, size, g.width()));
        Load { shape: Shape::Part { size, records: indices.len(), sampled }, inputs }
    }

    /// Records the batch of a shape, uploads included.
    pub(crate) fn record_load(&mut self, rec: &mut Recording, part: Part, shape: &Shape) -> Result<Batch> {
        if let Shape::Fixed(ids) = shape {
            let idx = self.engine.alloc("records", ids.len())?;
            self.engine.write(idx, ids)?;
            let labels = self.engine.alloc("labels", ids.len())?;
            let Store::Graph(g) = &self.store else { return Err(Error::internal("fixed records outside a graph")) };
            let classes = self.drawn_classes(part, ids).unwrap_or_else(|| g.classes(ids));
            self.engine.write(labels, &classes)?;
            let input = Input::Graph(Box::new(g.whole(g.side(part), idx)));
            return Ok(Batch { n: ids.len(), ids: idx, labels, input });
        }
        rec.enter("batch");
        let batch = match (&self.store, shape) {
            (Store::Rows(parts), Shape::Listed(n)) => {
                let idx = upload(rec, *n);
                let resident = parts.get(&rows_part(part));
                let resident = resident.ok_or_else(|| Error::input(format!("the data set has no {part:?} split")))?;
                let (x, labels) = resident.gather(rec, idx);
                let labels = self.drawn_labels(rec, part, idx).unwrap_or(labels);
                Batch { n: *n, ids: idx, labels, input: Input::Rows(x) }
            }
            (Store::Graph(g), Shape::Listed(n)) => {
                let idx = upload(rec, *n);
                let labels = self.drawn_labels(rec, part, idx).unwrap_or_else(|| g.labels(rec, idx));
                let input = Input::Graph(Box::new(g.whole(g.side(part), idx)));
                Batch { n: *n, ids: idx, labels, input }
            }
            (Store::Graph(g), Shape::Part { size, records, sampled }) => {
                let idx = upload(rec, *records);
                let input = Input::Graph(Box::new(g.cut(rec, g.side(part), *size, *sampled)));
                let labels = self.drawn_labels(rec, part, idx).unwrap_or_else(|| g.labels(rec, idx));
                Batch { n: *records, ids: idx, labels, input }
            }
            _ => return Err(Error::internal("a batch of a shape that its data do not have")),
        };
        rec.leave();
        Ok(batch)
    }

    /// Records the forward pass of a batch.
    pub(crate) fn record_forward(
        &self,
        rec: &mut Recording,
        batch: &Batch,
        mode: Mode,
        step: Option<Buf<u32>>,
    ) -> Result<Tape> {
        match &batch.input {
            Input::Rows(x) => self.model.forward(rec, self.theta, *x, batch.n, mode, step),
            Input::Graph(input) => self.model.forward_graph(rec, self.theta, input, mode, step),
        }
    }

    /// # Errors
    /// A record that does not exist.
    pub(crate) fn check_records(&self, records: Records, labelled: bool) -> Result<()> {
        let len = match &self.store {
            Store::Graph(g) if g.links.is_some() && records.part == Part::Validation => g.validation.len(),
            Store::Graph(g) => {
                g.check_links(records.part, labelled)?;
                return g.check(records.indices, labelled);
            }
            Store::Rows(_) => self.len(records.part),
        };
        match records.indices.iter().find(|i| **i as usize >= len) {
            Some(i) => {
                Err(Error::input(format!("record {i} does not exist: the {:?} split has {len} records", records.part)))
            }
            None => Ok(()),
        }
    }
}

fn upload(rec: &mut Recording, n: usize) -> Buf<u32> {
    let idx = rec.temp("idx", n);
    rec.upload(idx);
    idx
}

/// Records that stand alone are after a request what they were before it.
fn rows_part(part: Part) -> Part {
    match part {
        Part::Before => Part::Train,
        other => other,
    }
}
