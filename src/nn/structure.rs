//! Graphs on the engine: what messages run along, the pattern of sparse features, and rows grouped into records.

use super::pass::{Backward, Forward};
use crate::engine::Buf;
use crate::error::{Error, Result};
use crate::kernels::attention::Sequences;
use crate::kernels::graph::Csr;

/// A graph's edges by target, one self-loop (i, i) for every node among them, with values per edge in that order.
#[derive(Clone, Copy, Debug)]
pub struct Structure {
    /// Sources of each node's in-edges, ascending.
    pub a: Csr,
    /// The stored transpose: targets of each node's out-edges; `perm` is an edge's place in `a`.
    pub t: Csr,
    /// What an edge of the graph weighs, 1 where its data say nothing; 0 for a self-loop that was only added and for
    /// an edge that was deleted.
    pub weight: Buf<f32>,
    /// `c_i c_j w_ij`, c = 1/sqrt(degree), added self-loops of weight 1 among the edges (Kipf & Welling 2017, eq. 2);
    /// 0: takes no part.
    pub sym: Buf<f32>,
    /// `w_ij / Σ_j w_ij`.
    pub mean: Buf<f32>,
    /// 1 on the self-loop of a node that a request deletes or reaches within one hop, 0 elsewhere and wherever nothing
    /// was deleted.
    pub touched: Buf<f32>,
    /// Features of edges, where they have any.
    pub features: Option<EdgeFeatures>,
    /// Where backward passes add their gradients to the values `sym`, if anybody asks: `graph_conv` and `sgc` do.
    pub slope: Option<Buf<f32>>,
    /// Number of nodes.
    pub nodes: usize,
    /// Entries of `a`.
    pub edges: usize,
    /// Longest row of `a`, or of `t` if that is longer.
    pub max_degree: usize,
}

/// What is known of each edge.
#[derive(Clone, Copy, Debug)]
pub struct EdgeFeatures {
    /// [edges, width] in the order of [`Structure::a`]; what stands on self-loops is not read.
    pub values: Buf<f32>,
    /// Features of an edge.
    pub width: usize,
}

/// Where the nonzero values of sparse features [rows, width] belong.
#[derive(Clone, Copy, Debug)]
pub struct Pattern {
    /// Columns of each row.
    pub x: Csr,
    /// Rows of each column, ascending; `perm` is a value's place in `x`.
    pub xt: Csr,
}

/// Rows grouped into records.
#[derive(Clone, Copy, Debug)]
pub struct Segments {
    /// Record b has the rows `ptr[b]..ptr[b+1]`.
    pub ptr: Buf<u32>,
    /// The record of each row, `u32::MAX` for a row of nobody.
    pub of: Buf<u32>,
    /// Number of records.
    pub count: usize,
    /// Rows of the longest record, or more.
    pub longest: usize,
}

impl Segments {
    /// The rows as sequences that look at themselves.
    pub fn sequences(&self) -> Sequences {
        Sequences { ptr: self.ptr, of: self.of, longest: self.longest }
    }
}

impl Forward<'_> {
    /// What messages run along.
    ///
    /// # Errors
    /// There is no graph here: the data are none, or a read-out came before.
    pub fn structure(&self, layer: &str) -> Result<Structure> {
        self.graph.ok_or_else(|| no_graph(layer))
    }
}

impl Backward<'_> {
    /// As [`Forward::structure`].
    pub fn structure(&self, layer: &str) -> Result<Structure> {
        self.graph.ok_or_else(|| no_graph(layer))
    }
}

fn no_graph(layer: &str) -> Error {
    Error::input(format!(
        "layer `{layer}` passes messages along edges, but there is no graph here; use a graph data set, and no graph \
            layer behind a readout"
    ))
}

/// Fills the name and the width that a graph layer may leave open.
pub(super) fn complete(name: &mut String, out: &mut Option<usize>, index: usize, classes: Option<usize>) {
    if name.is_empty() {
        *name = format!("conv{index}");
    }
    *out = out.or(classes);
}

/// Each hop is a kernel launch; more than this is taken for a slip.
pub(super) const MOST_HOPS: usize = 256;

/// Input and output width of a layer over nodes.
pub(super) fn node_features(kind: &str, name: &str, input: &[usize], out: Option<usize>) -> Result<(usize, usize)> {
    match (input, out.filter(|out| *out > 0)) {
        (&[inputs], Some(out)) => Ok((inputs, out)),
        (_, None) => Err(Error::input(format!("layer `{name}` ({kind}) needs `out`, the number of its outputs"))),
        _ => Err(Error::input(format!("layer `{name}` ({kind}) takes the features of nodes, its input is {input:?}"))),
    }
}
