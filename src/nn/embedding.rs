//! `embedding`: a vector for each category of a column, or for each token.

use serde::{Deserialize, Serialize};

use super::dense::{Dense, kept, start};
use super::keys::Keys;
use super::layer::{Facts, Layer, LayerRow, SparseInput, settings, table};
use super::params::{Init, ParamSpec};
use super::pass::{Backward, Forward, Saved};
use crate::engine::Buf;
use crate::error::{Error, Result};

pub static ROW: LayerRow = LayerRow {
    kind: "embedding",
    summary: "x W: a row of the table W for each category, PyTorch's Embedding; features are a column's 0/1 ones, so \
        that a category that training has not seen is 0, and counts of several make EmbeddingBag's sum; tokens are \
        sparse rows, of which only the table's rows are read",
    facts: Facts { linear: true, ..Facts::PLAIN },
    build: |t| {
        let keys: Embedding = settings(&ROW, t)?;
        Ok(Box::new(keys))
    },
    keys: Keys::of::<Embedding>(),
    example: "type = \"embedding\"\nname = \"emb\"\nout = 3",
    example_input: &[5],
};

#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct Embedding {
    /// Stem of its parameter's name; empty: made from its place.
    #[serde(default)]
    name: String,
    /// Length of a category's vector.
    #[cfg_attr(feature = "cli", schemars(range(min = 1)))]
    out: usize,
    /// Standard deviation of its numbers at the start; 1 if absent.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    spread: Option<f64>,
}

impl Embedding {
    fn map(&self, input: &[usize]) -> Result<Dense> {
        let categories = match *input {
            [categories] if self.out > 0 => categories,
            [_] => return Err(Error::input(format!("layer `{}`: out must be at least 1", self.name))),
            _ => {
                return Err(Error::input(format!(
                    "layer `{}`: embedding takes the 0/1 features of a column or of tokens, [categories], its input is \
                        {input:?}",
                    self.name
                )));
            }
        };
        // PyTorch draws from N(0, 1); as wide here, and bounded.
        let init = start(&self.name, self.spread, Init::HeUniform { fan_in: 2 })?;
        let name = self.name.clone();
        Ok(Dense { name, inputs: categories, outputs: self.out, bias: false, transposed: true, init, lora: None })
    }
}

impl Layer for Embedding {
    fn row(&self) -> &'static LayerRow {
        &ROW
    }

    fn config(&self) -> toml::Table {
        table(&ROW, self)
    }

    fn complete(&mut self, index: usize, _classes: Option<usize>) {
        if self.name.is_empty() {
            self.name = format!("emb{index}");
        }
    }

    fn out_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        self.map(input).map(|_| vec![self.out])
    }

    fn params(&self, input: &[usize]) -> Result<Vec<ParamSpec>> {
        Ok(self.map(input)?.specs())
    }

    fn sparse(&self) -> SparseInput {
        SparseInput::Takes
    }

    fn forward(&self, cx: &mut Forward, x: Buf<f32>, input: &[usize]) -> Result<(Buf<f32>, Saved)> {
        Ok((self.map(input)?.forward(cx, x)?, kept(x)))
    }

    fn backward(
        &self,
        cx: &mut Backward,
        saved: &Saved,
        dy: Buf<f32>,
        input: &[usize],
        need_dx: bool,
    ) -> Result<Option<Buf<f32>>> {
        self.map(input)?.backward(cx, saved, dy, need_dx)
    }
}
