//! A model: a configuration made concrete for an input shape, and the two passes over all of it.

use serde::{Deserialize, Serialize};

use super::layer::{Backward, Forward, Mode, Saved};
use super::params::ParamLayout;
use super::sequence::Sequence;
use super::sink::Sink;
use super::{init, zoo};
use crate::engine::{Buf, Recording};
use crate::error::{Error, Result};

/// The `[model]` table: either `zoo` (with `hidden`) or `layers`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zoo: Option<String>,
    /// Widths of the zoo's hidden layers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hidden: Option<Vec<usize>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<toml::Table>,
}

/// A network for one input shape.
pub struct Model {
    body: Sequence,
    pub input: Vec<usize>,
    pub classes: usize,
    pub layout: ParamLayout,
}

/// What a recorded forward pass leaves for the backward pass.
pub struct Tape {
    pub logits: Buf<f32>,
    saved: Saved,
}

impl Model {
    /// Builds the network that `config` describes for records of shape `input` (no batch axis) and `classes` outputs.
    ///
    /// # Errors
    /// Unknown layers or keys, shapes that do not fit, an output that is not `classes` wide.
    pub fn build(config: &ModelConfig, input: &[usize], classes: usize) -> Result<Model> {
        let tables = match (&config.zoo, config.layers.is_empty()) {
            (Some(name), true) => zoo::layers(name, config.hidden.as_deref())?,
            (None, false) => config.layers.clone(),
            (Some(_), false) => return Err(Error::input("[model] has both `zoo` and `layers`; keep one")),
            (None, true) => return Err(Error::input("[model] needs `zoo = \"…\"` or at least one [[model.layers]]")),
        };
        let mut body = Sequence::parse(tables)?;
        let last = body.layers.len() - 1;
        for (i, layer) in body.layers.iter_mut().enumerate() {
            layer.complete(i + 1, (i == last).then_some(classes));
        }
        let shapes = body.shapes(input)?;
        if shapes.last().map(Vec::as_slice) != Some(&[classes]) {
            return Err(Error::input(format!(
                "the model's output has shape {:?}, the data has {classes} classes; end with a linear layer of {classes} outputs",
                shapes.last()
            )));
        }
        let mut layout = ParamLayout::default();
        layout.extend(body.params(input)?)?;
        Ok(Model { body, input: input.to_vec(), classes, layout })
    }

    /// The configuration with every default written out.
    pub fn config(&self) -> ModelConfig {
        ModelConfig { layers: self.body.config(), ..Default::default() }
    }

    /// Elements of one record.
    pub fn width(&self) -> usize {
        self.input.iter().product()
    }

    /// The flat parameter vector at the start of training.
    pub fn init(&self, seed: u64) -> Vec<f32> {
        init::initial(&self.layout, seed)
    }

    /// Records logits [n, classes] of x [n, input…].
    pub fn forward(
        &self,
        rec: &mut Recording,
        theta: Buf<f32>,
        x: Buf<f32>,
        n: usize,
        mode: Mode,
        step: Option<Buf<u32>>,
    ) -> Result<Tape> {
        let mut cx = Forward { rec, layout: &self.layout, theta, n, mode, step, dropouts: 0 };
        let (logits, saved) = self.body.forward(&mut cx, x, &self.input)?;
        Ok(Tape { logits, saved })
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
        let n = dlogits.len / self.classes;
        let mut cx = Backward { rec, layout: &self.layout, theta, n, step, sink };
        self.body.backward(&mut cx, &tape.saved, dlogits, &self.input, false)?;
        Ok(())
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
        let n = dlogits.len / self.classes;
        let mut cx = Backward { rec, layout: &self.layout, theta, n, step, sink };
        self.body.backward(&mut cx, &tape.saved, dlogits, &self.input, true)
    }
}
