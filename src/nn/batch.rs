//! What a network is given: the rows of a batch, and what they have to do with each other.

use super::structure::{Pattern, Segments, Structure};
use crate::engine::Buf;

/// The rows of a batch.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::large_enum_variant, reason = "one for each recording, and everything about it is copied")]
pub enum Input {
    /// [n, input…].
    Dense(Buf<f32>),
    /// The values of [n, width] that are not 0, and where they belong.
    Sparse(Buf<f32>, Pattern),
}

impl Input {
    /// The numbers: all of them, or those that are not 0.
    pub fn values(&self) -> Buf<f32> {
        match self {
            Input::Dense(x) | Input::Sparse(x, _) => *x,
        }
    }

    /// Where the values belong, if they are not all there are.
    pub fn pattern(&self) -> Option<Pattern> {
        match self {
            Input::Dense(_) => None,
            Input::Sparse(_, pattern) => Some(*pattern),
        }
    }
}

/// A batch of records that stand alone, or of nodes that pass messages.
#[derive(Clone, Copy, Debug)]
pub struct Batch {
    /// Rows of `x`: records, or nodes.
    pub n: usize,
    /// What is known of each row.
    pub x: Input,
    /// What messages run along, where the rows are nodes.
    pub structure: Option<Structure>,
    /// How the rows are grouped into records, where they are.
    pub segments: Option<Segments>,
    /// Rows whose outputs are the batch's; `None`: every row's, or every row's that a read-out makes.
    pub seeds: Option<Buf<u32>>,
}

impl Batch {
    /// Records x [n, input…] that stand alone.
    pub fn dense(x: Buf<f32>, n: usize) -> Batch {
        Batch { n, x: Input::Dense(x), structure: None, segments: None, seeds: None }
    }

    /// The nodes of a graph, all of whose rows are outputs.
    pub fn nodes(structure: Structure, x: Input) -> Batch {
        Batch { n: structure.nodes, x, structure: Some(structure), segments: None, seeds: None }
    }
}
