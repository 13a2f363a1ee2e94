//! A model: a configuration made concrete for an input shape, and the two passes over all of it.

mod apart;
mod hidden;
mod narrowed;
mod tied;
mod trunk;
mod widened;

use serde::{Deserialize, Serialize};

use super::batch::Batch;
use super::continued::Continued;
use super::inputs::InputConfig;
use super::layer::{Family, Layer};
use super::params::{ParamLayout, Values};
use super::pass::{Backward, Forward, Mode, Saved};
use super::sequence::Sequence;
use super::sink::{Kept, Sink, SquaredNorms};
use super::structure::{Segments, Structure};
use super::{init, inputs, zoo};
use crate::engine::{Buf, Recording};
use crate::error::{Error, Result};
use crate::kernels::{graph, map};
use tied::check_tied;

/// The `[model]` table: either `zoo` (with `hidden` and `norm`, or `sizes`) or `layers`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    /// A ready network by name, in the place of layers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zoo: Option<String>,
    /// Widths of the zoo's hidden layers.
    #[cfg_attr(feature = "cli", schemars(inner(range(min = 1))))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hidden: Option<Vec<usize>>,
    /// Parts of the features, each with layers of its own; their outputs stand side by side before `layers`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<InputConfig>,
    /// What normalises in a network of the zoo that leaves it open: batch norm if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub norm: Option<zoo::Norm>,
    /// Sizes of a language model of the zoo.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sizes: Option<zoo::Sizes>,
    /// Tables with a `type` each, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "cli", schemars(schema_with = "super::keys::layers"))]
    pub layers: Vec<toml::Table>,
}

impl ModelConfig {
    /// Outputs of the last layer that states how many it has.
    pub fn width(&self) -> Option<usize> {
        let out = self.layers.iter().rev().find_map(|layer| layer.get("out")?.as_integer());
        out.and_then(|out| usize::try_from(out).ok())
    }
}

/// A network for one input shape.
pub struct Model {
    body: Sequence,
    /// As configured; the first layer is what they are.
    inputs: Vec<InputConfig>,
    /// Shape of a record, such as [C, H, W] or \[F\].
    pub input: Vec<usize>,
    /// Logits of a record.
    pub classes: usize,
    /// Where the parameters lie.
    pub layout: ParamLayout,
}

/// What a recorded forward pass leaves for the backward pass.
pub struct Tape {
    /// [records, classes].
    pub logits: Buf<f32>,
    saved: Saved,
    end: End,
}

impl Tape {
    /// True where no two records share rows: they stand alone, or are blocks of a graph. Else records have no gradients
    /// of their own here.
    pub fn records_apart(&self) -> bool {
        self.end.graph.is_none() || self.end.segments.is_some()
    }
}

/// What the rows of the last layer are.
#[derive(Clone, Copy)]
struct End {
    n: usize,
    graph: Option<Structure>,
    segments: Option<Segments>,
    /// The rows among them that are records; all of them if `None`.
    seeds: Option<Buf<u32>>,
}

impl ModelConfig {
    /// The same network with the width of its last layer left to the data.
    pub fn open_ended(&self) -> ModelConfig {
        let mut open = self.clone();
        open.layers.last_mut().and_then(|last| last.remove("out"));
        open
    }
}

impl Model {
    /// Builds the network that `config` describes for records of shape `input` (no batch axis) and `classes` outputs.
    ///
    /// # Errors
    /// Unknown layers or keys, shapes that do not fit, an output that is not `classes` wide.
    pub fn build(config: &ModelConfig, input: &[usize], classes: usize) -> Result<Model> {
        let tables = match (&config.zoo, config.layers.is_empty()) {
            (Some(name), true) => zoo::layers(name, config.hidden.as_deref(), config.norm, config.sizes.as_ref())?,
            (None, false) if config.norm.is_some() => {
                return Err(Error::input("[model] has `norm` beside `layers`; it belongs to `zoo`"));
            }
            (None, false) if config.sizes.is_some() => {
                return Err(Error::input("[model] has `sizes` beside `layers`; they belong to `zoo`"));
            }
            (None, false) => config.layers.clone(),
            (Some(_), false) => return Err(Error::input("[model] has both `zoo` and `layers`; keep one")),
            (None, true) => return Err(Error::input("[model] needs `zoo = \"…\"` or at least one [[model.layers]]")),
        };
        let tables = inputs::joined(&config.inputs)?.into_iter().chain(tables).collect();
        let mut body = Sequence::parse(tables)?;
        let last = body.layers.len() - 1;
        for (i, layer) in body.layers.iter_mut().enumerate() {
            layer.complete(i + 1, (i == last).then_some(classes));
        }
        let shapes = body.shapes(input)?;
        if shapes.last().map(Vec::as_slice) != Some(&[classes]) {
            return Err(Error::input(format!(
                "the model's output has shape {:?}, the data has {classes} classes; end with a linear layer of \
                    {classes} outputs",
                shapes.last()
            )));
        }
        check_tied(&body, &shapes)?;
        let mut layout = ParamLayout::default();
        layout.extend(body.params(input)?)?;
        layout.extend_state(body.state(input)?)?;
        layout.extend_buffers(body.buffers());
        layout.extend_aliases(body.layers.iter().flat_map(|layer| layer.aliases()).collect());
        Ok(Model { body, inputs: config.inputs.clone(), input: input.to_vec(), classes, layout })
    }

    /// The configuration with every default written out.
    pub fn config(&self) -> ModelConfig {
        let (mut layers, mut inputs) = (self.body.config(), self.inputs.clone());
        if !inputs.is_empty() {
            inputs::complete(&mut inputs, &layers.remove(0));
        }
        ModelConfig { inputs, layers, ..Default::default() }
    }

    /// Elements of one record.
    pub fn width(&self) -> usize {
        self.input.iter().product()
    }

    /// The parameters at the start of training, and the state behind them: [layout.whole()].
    pub fn init(&self, seed: u64) -> Vec<f32> {
        init::initial(&self.layout, seed)
    }

    /// Edges that a message travels: a node's logits depend on what lies so many hops around it. 0 without a graph.
    pub fn hops(&self) -> usize {
        self.body.hops()
    }

    /// Its layers in their order; those inside a layer by [`Layer::inner`].
    pub fn layers(&self) -> &[Box<dyn Layer>] {
        &self.body.layers
    }

    /// Every layer, those inside others behind them.
    pub fn every_layer(&self) -> Vec<&dyn Layer> {
        fn walk<'a>(layers: &'a [Box<dyn Layer>], found: &mut Vec<&'a dyn Layer>) {
            for layer in layers {
                found.push(layer.as_ref());
                layer.inner().into_iter().for_each(|branch| walk(branch, found));
            }
        }
        let mut found = Vec::new();
        walk(&self.body.layers, &mut found);
        found
    }

    /// True where layers keep numbers that follow the records of training without a gradient: batch normalisation.
    pub fn keeps_statistics(&self) -> bool {
        !self.layout.state().is_empty()
    }

    /// What the network is called: graph network, convolutional, transformer or dense, by what its layers say of
    /// themselves.
    pub fn family(&self) -> Family {
        let has = |family| self.every_layer().iter().any(|layer| layer.row().facts.family == Some(family));
        [Family::Gnn, Family::Cnn, Family::Transformer].into_iter().find(|f| has(*f)).unwrap_or(Family::Dnn)
    }

    /// True where the logits are linear in the parameters, so that the mean cross-entropy is convex in them and its
    /// Hessian the Gauss-Newton matrix: one layer that is linear in its own, and beside it nothing but changes of
    /// shape. An adapter is a product of two.
    pub fn is_linear(&self) -> bool {
        let facts = || self.layers().iter().map(|layer| layer.row().facts);
        let adapted = || self.layers().iter().any(|layer| !layer.adapted().is_empty());
        facts().filter(|f| f.linear).count() == 1 && facts().all(|f| f.linear || f.reshape) && !adapted()
    }

    /// Records logits [records, classes] of a batch: of all its rows, of its seeds, or of what a read-out makes of the
    /// rows.
    ///
    /// # Errors
    /// A layer that passes messages where there is no graph, a read-out where rows are asked for.
    pub fn forward(
        &self,
        rec: &mut Recording,
        values: impl Into<Values>,
        batch: &Batch,
        mode: Mode,
        step: Option<Buf<u32>>,
    ) -> Result<Tape> {
        let mut tape = self.forward_rows(rec, values, batch, mode, step)?;
        let Some(seeds) = batch.seeds else { return Ok(tape) };
        let rows = tape.logits;
        tape.logits = rec.temp("logits", seeds.len * self.classes);
        map::gather_rows(rec, rows, 0, batch.n, self.classes, seeds, tape.logits);
        tape.end.seeds = Some(seeds);
        Ok(tape)
    }

    /// [`Model::forward`] with the logits of every row [n, classes], whichever of them are the batch's; the backward
    /// pass then takes the gradients of them all.
    ///
    /// # Errors
    /// Those of [`Model::forward`].
    pub fn forward_rows(
        &self,
        rec: &mut Recording,
        values: impl Into<Values>,
        batch: &Batch,
        mode: Mode,
        step: Option<Buf<u32>>,
    ) -> Result<Tape> {
        let (values, count) = (values.into(), self.body.layers.len());
        self.forward_through(rec, values, batch, (mode, step), count, None)
    }

    /// Records the first `count` layers.
    fn forward_through(
        &self,
        rec: &mut Recording,
        Values { theta, state }: Values,
        batch: &Batch,
        (mode, step): (Mode, Option<Buf<u32>>),
        count: usize,
        continued: Option<Continued>,
    ) -> Result<Tape> {
        let Batch { n, structure: graph, segments, seeds, .. } = *batch;
        let (layout, pattern, dropouts, relu) = (&self.layout, batch.x.pattern(), 0, None);
        let mut cx =
            Forward { rec, layout, theta, state, n, graph, segments, pattern, mode, step, dropouts, relu, continued };
        let (y, saved) = self.body.forward_to(&mut cx, batch.x.values(), &self.input, count)?;
        let end = End { n: cx.n, graph: cx.graph, segments: cx.segments, seeds: None };
        if seeds.is_some() && end.n != n {
            return Err(Error::input(
                "a readout makes one record of each graph; node classification has no use for it",
            ));
        }
        Ok(Tape { logits: y, saved, end })
    }

    /// Records the weight gradients of the batch into `sink`, from unscaled per-sample logit gradients.
    pub fn backward(
        &self,
        rec: &mut Recording,
        theta: Buf<f32>,
        tape: &Tape,
        dlogits: Buf<f32>,
        step: Option<Buf<u32>>,
        sink: Sink,
    ) -> Result<()> {
        self.back(rec, theta, tape, dlogits, step, (sink, None), false).map(|_| ())
    }

    /// [`Model::backward`] into `norms`, that also returns what a weighted sum of the records' gradients is made of,
    /// where that can be kept.
    pub fn backward_kept(
        &self,
        rec: &mut Recording,
        theta: Buf<f32>,
        tape: &Tape,
        dlogits: Buf<f32>,
        step: Option<Buf<u32>>,
        norms: &SquaredNorms,
    ) -> Result<Option<Kept>> {
        let sink = (Sink::Norms { parts: norms.parts }, Some(Kept::of(norms.records())));
        let (_, kept) = self.back(rec, theta, tape, dlogits, step, sink, false)?;
        Ok(kept.filter(|kept| kept.is_whole(&self.layout)))
    }

    /// [`Model::backward`] that also records and returns the gradient of the input.
    pub fn backward_to_input(
        &self,
        rec: &mut Recording,
        theta: Buf<f32>,
        tape: &Tape,
        dlogits: Buf<f32>,
        step: Option<Buf<u32>>,
        sink: Sink,
    ) -> Result<Option<Buf<f32>>> {
        Ok(self.back(rec, theta, tape, dlogits, step, (sink, None), true)?.0)
    }

    #[expect(clippy::too_many_arguments, reason = "what the three public forms share")]
    fn back(
        &self,
        rec: &mut Recording,
        theta: Buf<f32>,
        tape: &Tape,
        dlogits: Buf<f32>,
        step: Option<Buf<u32>>,
        (sink, kept): (Sink, Option<Kept>),
        need_dx: bool,
    ) -> Result<(Option<Buf<f32>>, Option<Kept>)> {
        let End { n, graph, segments, seeds } = tape.end;
        let dy = match seeds {
            Some(seeds) => {
                let dy = rec.temp("dy", n * self.classes);
                rec.clear(dy);
                graph::scatter_rows(rec, dlogits, seeds, dy, self.classes);
                dy
            }
            None => dlogits,
        };
        let mut cx =
            Backward { rec, layout: &self.layout, theta, n, graph, segments, step, sink, kept, head: None, relu: None };
        let dx = self.body.backward(&mut cx, &tape.saved, dy, &self.input, need_dx)?;
        Ok((dx, cx.kept))
    }
}
