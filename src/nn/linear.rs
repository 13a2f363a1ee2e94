//! `linear`: y = x Wᵀ + b, and `linear_transposed`: y = x W + b. The last layer may read an embedding's table for W.

use serde::{Deserialize, Serialize};

use super::dense::{Dense, kept, start};
use super::keys::Keys;
use super::layer::{Facts, Layer, LayerRow, SparseInput, settings, table};
use super::lora::{Adapted, Lora};
use super::params::{Init, ParamSpec};
use super::pass::{Backward, Forward, Saved};
use crate::engine::Buf;
use crate::error::{Error, Result};

pub static ROW: LayerRow = LayerRow {
    kind: "linear",
    summary: "dense layer y = x Wᵀ + b; weight [out, in]; the last one's `out` defaults to the number of classes, and \
        its weight may be an embedding's table (`tied`)",
    facts: Facts { linear: true, folds: true, ..Facts::PLAIN },
    build: |t| Ok(Box::new(Map { keys: settings::<Linear>(&ROW, t)?, transposed: false })),
    keys: Keys::of::<Linear>(),
    example: "type = \"linear\"\nname = \"fc\"\nout = 5",
    example_input: &[7],
};

pub static TRANSPOSED: LayerRow = LayerRow {
    kind: "linear_transposed",
    summary: "y = x W + b; weight [in, out], as GPT-2's Conv1D holds it",
    facts: Facts { linear: true, ..Facts::PLAIN },
    build: |t| Ok(Box::new(Map { keys: settings::<Linear>(&TRANSPOSED, t)?, transposed: true })),
    keys: Keys::of::<Linear>(),
    example: "type = \"linear_transposed\"\nname = \"fc\"\nout = 5",
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
    /// Standard deviation of its weights at the start; He's, which follows from the number of inputs, if absent.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    spread: Option<f64>,
    /// Name of an `embedding` before it whose table [out, in] is its weight: the tied output of a language model (Press
    /// & Wolf, EACL 2017). It has no parameters of its own then; of a network's last layer, with `bias = false`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tied: Option<String>,
    /// An adapter beside it (Hu et al., ICLR 2022): then it alone is trained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lora: Option<Lora>,
}

struct Map {
    keys: Linear,
    transposed: bool,
}

fn yes() -> bool {
    true
}

impl Map {
    fn map(&self, input: &[usize]) -> Result<Dense> {
        let Linear { ref name, out, bias, spread, lora, .. } = self.keys;
        let kind = self.row().kind;
        let (inputs, outputs) = match (input, out.filter(|o| *o > 0)) {
            (&[inputs], Some(out)) => (inputs, out),
            (_, None) => {
                let what = format!("layer `{name}` ({kind}) needs `out`, the number of its outputs");
                return Err(Error::input(what));
            }
            _ => {
                return Err(Error::input(format!(
                    "layer `{name}` ({kind}) takes [features], its input is {input:?}; put a flatten before it"
                )));
            }
        };
        let init = start(name, spread, Init::HeUniform { fan_in: inputs })?;
        lora.map_or(Ok(()), |lora| lora.check(name))?;
        if self.keys.tied.is_some() && (bias || spread.is_some() || lora.is_some() || self.transposed) {
            return Err(Error::input(format!(
                "layer `{name}` ({kind}): tied, it has no parameters of its own; it is a `linear` with bias = false, \
                 without spread and lora"
            )));
        }
        Ok(Dense { name: name.clone(), inputs, outputs, bias, transposed: self.transposed, init, lora })
    }
}

impl Layer for Map {
    fn row(&self) -> &'static LayerRow {
        if self.transposed { &TRANSPOSED } else { &ROW }
    }

    fn config(&self) -> toml::Table {
        table(self.row(), &self.keys)
    }

    fn complete(&mut self, index: usize, classes: Option<usize>) {
        if self.keys.name.is_empty() {
            self.keys.name = format!("fc{index}");
        }
        self.keys.out = self.keys.out.or(classes);
    }

    fn out_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        Ok(vec![self.map(input)?.outputs])
    }

    fn params(&self, input: &[usize]) -> Result<Vec<ParamSpec>> {
        let own = self.map(input)?.specs();
        Ok(if self.keys.tied.is_some() { Vec::new() } else { own })
    }

    fn adapted(&self) -> Vec<Adapted> {
        let of = |lora| Adapted { name: self.keys.name.clone(), transposed: self.transposed, lora };
        self.keys.lora.map(of).into_iter().collect()
    }

    fn tied(&self) -> Option<&str> {
        self.keys.tied.as_deref()
    }

    fn aliases(&self) -> Vec<(String, String)> {
        let [own, of] =
            [Some(&self.keys.name), self.keys.tied.as_ref()].map(|name| name.map(|n| format!("{n}.weight")));
        own.zip(of).into_iter().collect()
    }

    fn sparse(&self) -> SparseInput {
        SparseInput::Takes
    }

    fn forward(&self, cx: &mut Forward, x: Buf<f32>, input: &[usize]) -> Result<(Buf<f32>, Saved)> {
        let map = self.map(input)?;
        let y = match &self.keys.tied {
            None => map.forward(cx, x)?,
            Some(table) => {
                let w = cx.param(table, "weight")?;
                cx.project(x, w, None, map.inputs, map.outputs)
            }
        };
        Ok((y, kept(x)))
    }

    fn backward(
        &self,
        cx: &mut Backward,
        saved: &Saved,
        dy: Buf<f32>,
        input: &[usize],
        need_dx: bool,
    ) -> Result<Option<Buf<f32>>> {
        let map = self.map(input)?;
        let Some(table) = &self.keys.tied else { return map.backward(cx, saved, dy, need_dx) };
        cx.sink_head(table, saved, dy, [map.inputs, map.outputs])?;
        let w = cx.param(table, "weight")?;
        Ok(need_dx.then(|| cx.project_back(dy, w, map.inputs, map.outputs)))
    }
}
