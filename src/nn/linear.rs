//! `linear`: y = x Wᵀ + b.

use serde::{Deserialize, Serialize};

use super::keys::Keys;
use super::layer::{Facts, Layer, LayerRow, SparseInput, settings, table};
use super::params::{Init, ParamSpec};
use super::pass::{Backward, Forward, Saved};
use crate::engine::Buf;
use crate::error::{Error, Result};

pub static ROW: LayerRow = LayerRow {
    kind: "linear",
    summary: "dense layer y = x Wᵀ + b; weight [out, in]; the last one's `out` defaults to the number of classes",
    facts: Facts { linear: true, folds: true, ..Facts::PLAIN },
    build: |t| Ok(Box::new(settings::<Linear>(&ROW, t)?)),
    keys: Keys::of::<Linear>(),
    example: "type = \"linear\"\nname = \"fc\"\nout = 5",
    example_input: &[7],
};

#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct Linear {
    /// Stem of its parameters' names; empty: made from its place.
    #[serde(default)]
    name: String,
    /// Outputs; of the last layer, the number of classes if absent.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 1)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    out: Option<usize>,
    /// Whether a constant is added to each output.
    #[serde(default = "yes")]
    bias: bool,
}

fn yes() -> bool {
    true
}

impl Linear {
    fn sizes(&self, input: &[usize]) -> Result<(usize, usize)> {
        let out = self.out.filter(|o| *o > 0);
        match (input, out) {
            (&[inputs], Some(out)) => Ok((inputs, out)),
            (_, None) => {
                Err(Error::input(format!("layer `{}` (linear) needs `out`, the number of its outputs", self.name)))
            }
            _ => Err(Error::input(format!(
                "layer `{}` (linear) takes [features], its input is {input:?}; put a flatten before it",
                self.name
            ))),
        }
    }
}

impl Layer for Linear {
    fn row(&self) -> &'static LayerRow {
        &ROW
    }

    fn config(&self) -> toml::Table {
        table(&ROW, self)
    }

    fn complete(&mut self, index: usize, classes: Option<usize>) {
        if self.name.is_empty() {
            self.name = format!("fc{index}");
        }
        self.out = self.out.or(classes);
    }

    fn out_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        Ok(vec![self.sizes(input)?.1])
    }

    fn params(&self, input: &[usize]) -> Result<Vec<ParamSpec>> {
        let (inputs, out) = self.sizes(input)?;
        let weight = ParamSpec {
            name: format!("{}.weight", self.name),
            shape: vec![out, inputs],
            init: Init::HeUniform { fan_in: inputs },
        };
        let bias = ParamSpec { name: format!("{}.bias", self.name), shape: vec![out], init: Init::Constant(0.0) };
        Ok(if self.bias { vec![weight, bias] } else { vec![weight] })
    }

    fn sparse(&self) -> SparseInput {
        SparseInput::Takes
    }

    fn forward(&self, cx: &mut Forward, x: Buf<f32>, input: &[usize]) -> Result<(Buf<f32>, Saved)> {
        let (inputs, out) = self.sizes(input)?;
        let w = cx.param(&self.name, "weight")?;
        let b = if self.bias { Some(cx.param(&self.name, "bias")?) } else { None };
        let y = cx.project(x, w, b, inputs, out);
        Ok((y, Saved { floats: vec![x], ..Default::default() }))
    }

    fn backward(
        &self,
        cx: &mut Backward,
        saved: &Saved,
        dy: Buf<f32>,
        input: &[usize],
        need_dx: bool,
    ) -> Result<Option<Buf<f32>>> {
        let (inputs, out) = self.sizes(input)?;
        cx.sink_dense(&format!("{}.weight", self.name), saved, dy, inputs, out)?;
        if self.bias {
            cx.sink_bias(&format!("{}.bias", self.name), dy, out, 1)?;
        }
        if !need_dx {
            return Ok(None);
        }
        let w = cx.param(&self.name, "weight")?;
        Ok(Some(cx.project_back(dy, w, inputs, out)))
    }
}
