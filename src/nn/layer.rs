//! What a layer is: the trait, its row in the registry, and the settings that layers share.

use glam::UVec2;
use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::keys::Keys;
use super::lora::Adapted;
use super::params::ParamSpec;
use super::pass::{Backward, Forward, Saved};
use crate::engine::Buf;
use crate::error::{Error, Result};
use crate::kernels::hw;

/// What a layer does with sparse features, of which it sees the nonzero values alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SparseInput {
    /// Maps 0 to 0 and value to value.
    Keeps,
    /// Makes dense rows of them.
    Takes,
    /// Needs dense rows.
    Refuses,
}

/// Elementwise layers that are done in one pass where they follow each other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Elementwise {
    /// max(x, 0).
    Relu,
    /// The rate.
    Dropout(f32),
}

/// A layer: shapes, parameters, and the two passes.
pub trait Layer: Send + Sync {
    /// Its row of the registry.
    fn row(&self) -> &'static LayerRow;

    /// The layers inside it, branch by branch: each branch takes what the layer takes.
    fn inner(&self) -> Vec<&[Box<dyn Layer>]> {
        Vec::new()
    }

    /// The configuration with every default written out, `type` included.
    fn config(&self) -> toml::Table;

    /// Fills what may be left open in a configuration: a name, or the width of the last layer.
    fn complete(&mut self, _index: usize, _classes: Option<usize>) {}

    /// Output shape for an input shape, both without the batch axis.
    ///
    /// # Errors
    /// A sentence naming the layer and both shapes.
    fn out_shape(&self, input: &[usize]) -> Result<Vec<usize>>;

    /// Parameters in PyTorch's order.
    fn params(&self, _input: &[usize]) -> Result<Vec<ParamSpec>> {
        Ok(Vec::new())
    }

    /// Running statistics, in PyTorch's order.
    fn state(&self, _input: &[usize]) -> Result<Vec<ParamSpec>> {
        Ok(Vec::new())
    }

    /// What a state dict of PyTorch holds of this layer beside parameters: tensors of shape \[1\] with these values.
    fn buffers(&self) -> Vec<(String, f32)> {
        Vec::new()
    }

    /// Names that a state dict of PyTorch has besides for the same parameters: (this one, of this parameter).
    fn aliases(&self) -> Vec<(String, String)> {
        self.inner().into_iter().flatten().flat_map(|layer| layer.aliases()).collect()
    }

    /// The layer whose weight it reads in the place of one of its own.
    fn tied(&self) -> Option<&str> {
        None
    }

    /// Numbers that it keeps of a token of a sequence so that the tokens behind it can look back; none where it needs
    /// more than what comes before a token, or knows no tokens to keep.
    fn keeps(&self, input: &[usize]) -> Option<usize> {
        let one = |branch: &[Box<dyn Layer>]| {
            let mut shape = input.to_vec();
            branch.iter().try_fold(0, |sum, layer| {
                let kept = layer.keeps(&shape)?;
                shape = layer.out_shape(&shape).ok()?;
                Some(sum + kept)
            })
        };
        let alone = self.row().facts.rows == Rows::Any;
        alone.then(|| self.inner().into_iter().map(one).sum())?
    }

    /// Its maps, and those of layers inside it, that have adapters beside them.
    fn adapted(&self) -> Vec<Adapted> {
        self.inner().into_iter().flatten().flat_map(|layer| layer.adapted()).collect()
    }

    /// What becomes of sparse features.
    fn sparse(&self) -> SparseInput {
        SparseInput::Refuses
    }

    /// What it is, if it can be done together with its neighbour.
    fn elementwise(&self) -> Option<Elementwise> {
        None
    }

    /// Whether it can do a relu behind it in what it stores, and that of a relu before it in the gradient that it
    /// makes.
    fn takes_relu(&self) -> bool {
        false
    }

    /// How many edges a message travels here: 0 for a layer that knows no graph.
    fn hops(&self) -> usize {
        0
    }

    /// Its name, or its type where it has none.
    fn label(&self) -> String {
        let config = self.config();
        config.get("name").and_then(|v| v.as_str()).unwrap_or(self.row().kind).to_owned()
    }

    /// How many features of an edge it reads, where it reads any.
    fn edge_dim(&self) -> Option<usize> {
        None
    }

    /// Records the forward pass over max(x, 0), where this layer takes the relu before it along: its backward pass then
    /// is that of both.
    ///
    /// # Errors
    /// Those of [`Layer::forward`].
    fn relu_forward(&self, _cx: &mut Forward, _x: Buf<f32>, _input: &[usize]) -> Result<Option<(Buf<f32>, Saved)>> {
        Ok(None)
    }

    /// Records y = f(x); returns y and what the backward pass needs.
    fn forward(&self, cx: &mut Forward, x: Buf<f32>, input: &[usize]) -> Result<(Buf<f32>, Saved)>;

    /// Records the gradients: parameters go to the sink; dx is recorded and returned if `need_dx`.
    fn backward(
        &self,
        cx: &mut Backward,
        saved: &Saved,
        dy: Buf<f32>,
        input: &[usize],
        need_dx: bool,
    ) -> Result<Option<Buf<f32>>>;
}

/// The kind of network that layers make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// Convolutional: some layer convolves.
    Cnn,
    /// Dense: none convolves, passes messages or attends.
    Dnn,
    /// Of graphs: some layer passes messages.
    Gnn,
    /// Of sequences: some layer attends.
    Transformer,
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Family::Cnn => "CNN",
            Family::Dnn => "DNN",
            Family::Gnn => "GNN",
            Family::Transformer => "transformer",
        })
    }
}

/// What the rows of a layer's input are to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows {
    /// Any rows, each by itself.
    Any,
    /// Nodes of a graph; nodes come out.
    Nodes,
    /// Nodes of graphs; one row for each graph comes out.
    ReadOut,
    /// Tokens of sequences, which look at each other; tokens come out.
    Tokens,
}

/// What a layer is, for whoever asks about a network without knowing layers by name. Held to the layer itself by tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// What a network is called that has such a layer; none for layers that any network may have.
    pub family: Option<Family>,
    /// For a given input, the output is linear in the parameters, and there are some.
    pub linear: bool,
    /// Values pass as they are.
    pub reshape: bool,
    /// Messages travel along edges.
    pub messages: bool,
    /// Its backward pass adds the gradient of the messages' weights to [`super::structure::Structure::slope`].
    pub edge_gradients: bool,
    /// It reads the weights of edges; other layers that pass messages know none.
    pub edge_weights: bool,
    /// It keeps numbers that training changes without a gradient, such as running means.
    pub running_state: bool,
    /// It adds a `bias` per output channel to products with its `weight` [channels, …], so that what a batch norm
    /// behind it does folds into the two.
    pub folds: bool,
    /// What its rows are: records, or nodes.
    pub rows: Rows,
}

impl Facts {
    /// A layer that works on each row by itself, has no linear parameters and keeps nothing.
    pub const PLAIN: Facts = Facts {
        family: None,
        linear: false,
        reshape: false,
        messages: false,
        edge_gradients: false,
        edge_weights: false,
        running_state: false,
        folds: false,
        rows: Rows::Any,
    };

    /// A layer that passes messages along the edges of a graph.
    pub const MESSAGES: Facts = Facts { family: Some(Family::Gnn), messages: true, rows: Rows::Nodes, ..Facts::PLAIN };
}

/// One row of [`super::LAYERS`].
pub struct LayerRow {
    /// What `type = "…"` says.
    pub kind: &'static str,
    /// What it computes, in a sentence.
    pub summary: &'static str,
    /// What the rest of the program has to know of it.
    pub facts: Facts,
    /// Makes the layer from its table, `type` taken out.
    pub build: fn(toml::Table) -> Result<Box<dyn Layer>>,
    /// The keys that `build` reads.
    pub keys: Keys,
    /// A configuration and an input shape that the tests run it with.
    pub example: &'static str,
    /// Shape of a record that the example takes.
    pub example_input: &'static [usize],
}

/// Builds a layer from its table, by its `type`.
///
/// # Errors
/// A missing or unknown `type`, an unknown key, a value of the wrong kind.
pub fn parse_layer(mut table: toml::Table) -> Result<Box<dyn Layer>> {
    let known: Vec<&str> = super::LAYERS.iter().map(|r| r.kind).collect();
    let Some(toml::Value::String(kind)) = table.remove("type") else {
        return Err(Error::input(format!("a layer needs `type = \"…\"`; there are {}", known.join(", "))));
    };
    let row = super::LAYERS.iter().find(|r| r.kind == kind);
    let row =
        row.ok_or_else(|| Error::input(format!("layer type `{kind}` is unknown; there are {}", known.join(", "))))?;
    (row.build)(table)
}

/// Reads a layer's own settings; serde names the unknown key and the known ones.
pub(super) fn settings<T: DeserializeOwned>(row: &LayerRow, table: toml::Table) -> Result<T> {
    T::deserialize(table).map_err(|e| Error::input(format!("layer `{}`: {}", row.kind, e.message())))
}

/// The settings as a table, `type` included.
pub(super) fn table<T: serde::Serialize>(row: &LayerRow, settings: &T) -> toml::Table {
    let mut all = toml::Table::new();
    all.insert("type".into(), row.kind.into());
    if let Ok(toml::Value::Table(rest)) = toml::Value::try_from(settings) {
        all.extend(rest);
    }
    all
}

/// A size given as one number or as [height, width].
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Size {
    /// The same both ways.
    Both(u32),
    /// `[height, width]`.
    Each([u32; 2]),
}

impl Size {
    /// The size as a vector: x along a row, y down the rows.
    pub fn pair(self) -> UVec2 {
        match self {
            Size::Both(v) => UVec2::splat(v),
            Size::Each(v) => hw(v),
        }
    }

    /// The size over such an input: over a line one number counts along it, and `down` is what is down the one row.
    pub fn over(self, input: &[usize], down: u32) -> UVec2 {
        match self {
            Size::Both(v) if input.len() == 2 => UVec2::new(v, down),
            size => size.pair(),
        }
    }
}

/// Channels, height and width of a picture-shaped input; a line of [channels, length] is a picture of height 1.
pub(super) fn picture_or_line(kind: &str, input: &[usize]) -> Result<[usize; 3]> {
    match *input {
        [channels, length] => Ok([channels, 1, length]),
        [channels, height, width] => Ok([channels, height, width]),
        _ => Err(Error::input(format!(
            "layer `{kind}` takes [channels, height, width] or [channels, length], its input is {input:?}"
        ))),
    }
}

/// Channels, height and width of a picture-shaped input.
pub(super) fn picture(kind: &str, input: &[usize]) -> Result<[usize; 3]> {
    <[usize; 3]>::try_from(input)
        .map_err(|_| Error::input(format!("layer `{kind}` takes [channels, height, width], its input is {input:?}")))
}
