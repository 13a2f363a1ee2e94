//! A batch of records on its way: listed on the host, then in a recording.

use super::subgraph::Size;
use crate::engine::{Buf, Data};
use crate::error::{Error, Result};
use crate::kernels::graph::Csr;
use crate::nn::Batch;
use crate::nn::structure::Segments;

/// What a recording must know of a batch; batches of one shape share a program.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Shape {
    /// So many records, listed by an input.
    Listed(usize),
    /// These nodes of the whole graph, which lie on the engine for good: nothing crosses the bus.
    Fixed(Vec<u32>),
    /// All training edges with negatives, or all held-out pairs: so many. Nothing crosses the bus.
    Links(usize),
    /// So many records of text, whose tokens are `rows` rows with those that fill the batch up; all lists are inputs.
    Tokens { records: usize, rows: usize },
    /// A part of a graph; its lists are inputs.
    Part { size: Size, records: usize, sampled: bool },
}

impl Shape {
    /// Records of the batch.
    pub fn records(&self) -> usize {
        match self {
            Shape::Listed(n) | Shape::Links(n) => *n,
            Shape::Fixed(ids) => ids.len(),
            Shape::Part { records, .. } | Shape::Tokens { records, .. } => *records,
        }
    }
}

/// A batch on the host.
pub(crate) struct Load {
    pub shape: Shape,
    pub inputs: Vec<Data>,
    /// Other batches of the same kind are likely to have this shape, so that its program is worth keeping.
    pub recurs: bool,
}

impl Load {
    /// Records listed by an input.
    pub fn listed(indices: &[u32]) -> Load {
        Load { shape: Shape::Listed(indices.len()), inputs: vec![Data::U32(indices.to_vec())], recurs: true }
    }
}

/// A batch in a recording.
pub(crate) struct Loaded {
    /// Records.
    pub n: usize,
    /// What the network is given.
    pub batch: Batch,
    pub targets: Targets,
}

/// What the outputs of a batch should be.
pub(crate) enum Targets {
    /// A class for each record.
    Classes {
        /// The records: positions in their part, or ids of a graph's nodes or graphs.
        ids: Buf<u32>,
        labels: Buf<u32>,
    },
    /// Numbers for each record, or which labels it has.
    Numbers {
        /// As of classes.
        ids: Buf<u32>,
        /// [records, outputs].
        values: Buf<f32>,
    },
    /// A token for each row of a batch of text.
    Tokens {
        /// As of classes.
        ids: Buf<u32>,
        /// \[rows\]: the token to predict.
        labels: Buf<u32>,
        /// \[rows\]: what it counts for in its record's loss; of a record they sum to 1, of rows of nobody they are 0.
        weight: Buf<f32>,
    },
    /// Edges between the rows, and pairs without one.
    Pairs(Pairs),
}

/// Pairs of rows to tell apart.
pub(crate) enum Pairs {
    /// All edges, of which there are `count`, each entry of the structure by its weight, and negatives drawn in each
    /// step.
    Edges { weight: Buf<f32>, count: usize },
    /// Held-out edges, and as many pairs without one.
    HeldOut([Csr; 2]),
}

impl Targets {
    /// The records.
    ///
    /// # Errors
    /// The records are links.
    pub fn ids(&self) -> Result<Buf<u32>> {
        match self {
            Targets::Classes { ids, .. } | Targets::Numbers { ids, .. } | Targets::Tokens { ids, .. } => Ok(*ids),
            Targets::Pairs(_) => Err(Error::internal("links have no ids of their own")),
        }
    }

    /// The tokens to predict \[rows\], and what each counts for in its record's loss.
    ///
    /// # Errors
    /// The records are no texts.
    pub fn tokens(&self) -> Result<(Buf<u32>, Buf<f32>)> {
        match self {
            Targets::Tokens { labels, weight, .. } => Ok((*labels, *weight)),
            _ => Err(Error::internal("tokens of records that are no texts")),
        }
    }
}

impl Loaded {
    /// Which rows are a record.
    ///
    /// # Errors
    /// Each row is one.
    pub fn segments(&self) -> Result<Segments> {
        self.batch.segments.ok_or_else(|| Error::internal("a batch of text says which rows are a record"))
    }
}

/// What is done with the records of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// Read together: sums of losses and gradients, logits.
    Together,
    /// A gradient for each: in a graph, each record gets its surroundings to itself.
    Each,
}
