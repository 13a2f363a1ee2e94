//! What a method is given: a request, the recipe, and where the parameters come from.

use super::{Certificate, Guarantee};
use crate::data::{Deletion, Graph, Tokenizer};
use crate::error::{Error, Result};
use crate::nn::Model;
use crate::train::coupled::Trace;
use crate::train::{Deltas, Keeper, TrainConfig, shuffled};

/// What a method works with: index sets into the training split, never a data set's name, never test data.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// Records to keep and to forget, positions in the training split.
    pub retain: &'a [u32],
    /// Positions of the records to forget.
    pub forget: &'a [u32],
    /// Classes of which nothing is retained: those of a class request, or one that only forgotten records have.
    pub forgotten_classes: &'a [u32],
    /// The recipe the model was trained with.
    pub train: &'a TrainConfig,
    /// Of whatever the method draws.
    pub seed: u64,
    /// What a request on a graph deletes.
    pub graph: Option<GraphView<'a>>,
    /// What cuts texts into the model's tokens, where the records are texts.
    pub tokenizer: Option<&'a Tokenizer>,
    /// Where the parameters come from.
    pub past: Past<'a>,
}

/// Where the parameters come from.
#[derive(Clone, Copy, Debug, Default)]
pub struct Past<'a> {
    /// Seed of the training that they come from; [`View::seed`] if it is not known.
    pub seed: Option<u64>,
    /// The method that the run came from; none where it was trained.
    pub method: Option<&'a str>,
    /// The certificate that it left.
    pub certificate: Option<&'a Certificate>,
    /// What noise had proven of them.
    pub guarantee: Option<&'a Guarantee>,
    /// What is fitted on records may be another without the forgotten ones, and was not fitted again.
    pub fitted: bool,
    /// Weights [layout.whole()] of the runs that the run came from, the nearest first, for a method that looks back;
    /// one that is not there any more, or is of another network, is empty.
    pub before: &'a [Vec<f32>],
    /// The weights that the training began with, where those were not drawn from the seed.
    pub base: Option<&'a [f32]>,
    /// The trace of a training with `[train.coupled]`, where the run has it.
    pub trace: Option<&'a Trace>,
    /// The checkpoints that it kept, where they are still those of a training without the records.
    pub checkpoints: Option<&'a dyn Keeper>,
    /// What its steps added, where it kept that.
    pub deltas: Option<&'a dyn Deltas>,
}

impl Past<'_> {
    /// The parameters that a training of this seed begins with.
    pub fn start(&self, model: &Model, seed: u64) -> Vec<f32> {
        self.base.map_or_else(|| model.init(seed), <[f32]>::to_vec)
    }
}

/// A request on a graph. `retain` are then ids of retained training nodes; `forget` the deleted ones or, where
/// a request deletes edges or features alone, the retained ones that it influences. [`crate::records::Part::Before`] is
/// the graph before the deletion, [`crate::records::Part::Train`] the reduced one.
#[derive(Clone, Copy, Debug)]
pub struct GraphView<'a> {
    /// Before the request: structure and features of all nodes, labels of none.
    pub graph: &'a Graph,
    /// What the request takes away.
    pub deletion: &'a Deletion,
    /// Retained nodes whose outputs the deletion can change: L hops, L + 1 where degrees change. Ascending.
    pub influenced: &'a [u32],
    /// The retained training nodes among them.
    pub influenced_train: &'a [u32],
}

impl<'a> View<'a> {
    /// A request to forget the training records `forget` and to keep `retain` (positions in the training split,
    /// ascending), of a model trained with `train`: seed 0, no class wholly forgotten, no graph, no known past.
    pub fn new(train: &'a TrainConfig, retain: &'a [u32], forget: &'a [u32]) -> View<'a> {
        let (tokenizer, past) = (None, Past::default());
        View { retain, forget, forgotten_classes: &[], train, seed: 0, graph: None, tokenizer, past }
    }

    /// With the seed of the method's own random numbers.
    pub fn seed(self, seed: u64) -> View<'a> {
        View { seed, ..self }
    }

    /// With the classes of which nothing is retained.
    pub fn classes(self, forgotten_classes: &'a [u32]) -> View<'a> {
        View { forgotten_classes, ..self }
    }

    /// As a request on a graph; `None` where records stand alone.
    pub fn on_graph(self, graph: impl Into<Option<GraphView<'a>>>) -> View<'a> {
        View { graph: graph.into(), ..self }
    }

    /// With what cuts texts into tokens.
    pub fn tokenizer(self, tokenizer: Option<&'a Tokenizer>) -> View<'a> {
        View { tokenizer, ..self }
    }

    /// With what is known of where the parameters come from.
    pub fn past(self, past: Past<'a>) -> View<'a> {
        View { past, ..self }
    }

    /// `count` of the retained records, or all where `count` is 0 or there are fewer, drawn by the seed and ascending.
    /// `stream` keeps a draw apart from other uses of the seed.
    pub fn drawn(&self, count: usize, stream: u32) -> Vec<u32> {
        let mut drawn = shuffled(self.retain, self.seed, 0, stream);
        drawn.truncate(if count == 0 { usize::MAX } else { count });
        drawn.sort_unstable();
        drawn
    }

    /// The request on the graph, for a method that works on nothing else.
    ///
    /// # Errors
    /// The data are no graph.
    pub fn require_graph(&self, method: &str) -> Result<GraphView<'a>> {
        self.graph.ok_or_else(|| {
            Error::input(format!(
                "method `{method}` works on requests on a graph, and the records here are not the nodes of one; use \
                    retrain, finetune or an ascent"
            ))
        })
    }
}
