//! What a layer is given when it records itself, and what it keeps from one pass for the other.

use super::continued::Continued;
use super::params::ParamLayout;
use super::sink::{Head, Kept, Sink};
use super::structure::{Pattern, Segments, Structure};
use crate::engine::{Buf, Recording};
use crate::error::{Error, Result};

/// Training differs from evaluation in dropout, and in what batch normalisation normalises by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Dropout is on; a batch is normalised by its own statistics, and running statistics follow them.
    Train,
    /// Dropout is on; running statistics are used and stay: for records that no statistic should know, such as those
    /// whose loss is climbed.
    Still,
    /// Dropout is off, running statistics are used.
    Eval,
}

impl Mode {
    /// Whether this is a step of training.
    pub fn trains(self) -> bool {
        self != Mode::Eval
    }
}

/// What a forward pass records into. Shapes never include the batch axis.
pub struct Forward<'a> {
    /// What the layer records into.
    pub rec: &'a mut Recording,
    /// Where its parameters lie.
    pub layout: &'a ParamLayout,
    /// All parameters, [layout.total()].
    pub theta: Buf<f32>,
    /// Running statistics, [layout.state_total()], where the network has any.
    pub state: Option<Buf<f32>>,
    /// Rows of the batch here: records, or the nodes of a graph.
    pub n: usize,
    /// What messages run along, where the rows are nodes.
    pub graph: Option<Structure>,
    /// How nodes are grouped into records, where they are.
    pub segments: Option<Segments>,
    /// Where the nonzero values of x belong, as long as x is the network's sparse input.
    pub pattern: Option<Pattern>,
    /// Training or evaluation.
    pub mode: Mode,
    /// [seed_lo, seed_hi, micro-batch since the start, step]; present in training.
    pub step: Option<Buf<u32>>,
    /// Dropout layers met so far: each draws from a stream of its own.
    pub dropouts: u32,
    /// The relu behind the layer, if that is what comes next and the layer [`takes_relu`](super::Layer::takes_relu). A
    /// layer that takes it along leaves `None`.
    pub relu: Option<ReluBehind>,
    /// Where the rows go on with texts whose earlier tokens were passed before.
    pub continued: Option<Continued>,
}

/// What a backward pass records into.
pub struct Backward<'a> {
    /// What the layer records into.
    pub rec: &'a mut Recording,
    /// Where its parameters lie.
    pub layout: &'a ParamLayout,
    /// All parameters, [layout.total()].
    pub theta: Buf<f32>,
    /// Records of the batch.
    pub n: usize,
    /// The graph that messages passed over, if any.
    pub graph: Option<Structure>,
    /// Where rows are grouped into records: a record's gradient is the sum over its rows.
    pub segments: Option<Segments>,
    /// Seed words of the step, for dropout's mask.
    pub step: Option<Buf<u32>>,
    /// What becomes of weight gradients.
    pub sink: Sink,
    /// What a pass of norms keeps for a weighted sum, where one follows.
    pub kept: Option<Kept>,
    /// What the last layer did with an embedding's table, where it reads one: the embedding's own gradient comes later.
    pub head: Option<Head>,
    /// The relu before the layer, offered as in [`Forward::relu`]: whoever takes it hands on the gradient before it.
    pub relu: Option<ReluBefore>,
}

/// A relu behind a layer.
#[derive(Clone, Copy, Debug)]
pub struct ReluBehind {
    /// The rate of the dropout that follows it, where that draws.
    pub dropout: Option<f32>,
}

/// A relu before a layer, with the dropout between them where that drew.
#[derive(Clone, Copy, Debug)]
pub struct ReluBefore {
    /// What both made: the layer's input.
    pub kept: Buf<f32>,
    /// The rate of the dropout; 0 without.
    pub rate: f32,
}

/// What a layer keeps from its forward pass for its backward pass.
#[derive(Clone, Debug, Default)]
pub struct Saved {
    /// What the forward pass keeps for the backward pass.
    pub floats: Vec<Buf<f32>>,
    /// Indices that it keeps, such as a maximum's place.
    pub words: Vec<Buf<u32>>,
    /// The dropout stream, where there is one.
    pub stream: Option<u32>,
    /// The rate, where this dropout took the relu before it along.
    pub relu_dropout: Option<f32>,
    /// The relu before this layer was done with it, both ways.
    pub after_relu: bool,
    /// The pattern of x, where x was sparse.
    pub pattern: Option<Pattern>,
    /// What the rows were before a read-out.
    pub rows: Option<(Structure, Segments)>,
    /// The layer's parameters have no gradient in this pass.
    pub frozen: bool,
    /// Layers inside this one.
    pub inner: Vec<Saved>,
    /// Records were normalised by statistics of their batch, so that none has a gradient of its own.
    pub of_batch: bool,
}

impl Forward<'_> {
    /// The next dropout's stream, and the words of the step.
    pub fn dropout_stream(&mut self) -> Result<(u32, Buf<u32>)> {
        let stream = self.dropouts;
        self.dropouts += 1;
        Ok((stream, words(self.step)?))
    }

    /// A parameter's range of theta.
    pub fn param(&self, layer: &str, part: &str) -> Result<Buf<f32>> {
        self.layout.slice(self.theta, &format!("{layer}.{part}"))
    }
}

impl Backward<'_> {
    /// The words of the step, for a mask that the forward pass drew.
    pub fn step_words(&self) -> Result<Buf<u32>> {
        words(self.step)
    }

    /// The range of the parameter `layer.part` in theta.
    pub fn param(&self, layer: &str, part: &str) -> Result<Buf<f32>> {
        self.layout.slice(self.theta, &format!("{layer}.{part}"))
    }
}

fn words(step: Option<Buf<u32>>) -> Result<Buf<u32>> {
    step.ok_or_else(|| Error::internal("dropout in training needs the step's words"))
}
