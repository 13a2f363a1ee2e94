//! `embedding`: a vector for each category of a column.

use serde::{Deserialize, Serialize};

use super::factors::refused;
use super::keys::Keys;
use super::layer::{Facts, Layer, LayerRow, settings, table};
use super::params::{Init, ParamSpec};
use super::pass::{Backward, Forward, Saved};
use super::sink::Sink;
use crate::engine::Buf;
use crate::error::{Error, Result};
use crate::kernels::linear::{self, Mat, Product};

pub static ROW: LayerRow = LayerRow {
    kind: "embedding",
    summary: "x W: a row of the table W for each category, PyTorch's Embedding; features are a column's 0/1 ones, so \
        that a category that training has not seen is 0, and counts of several make EmbeddingBag's sum",
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
}

impl Embedding {
    fn categories(&self, input: &[usize]) -> Result<usize> {
        match *input {
            [categories] if self.out > 0 => Ok(categories),
            [_] => Err(Error::input(format!("layer `{}`: out must be at least 1", self.name))),
            _ => Err(Error::input(format!(
                "layer `{}`: embedding takes the 0/1 features of a column, [categories], its input is {input:?}",
                self.name
            ))),
        }
    }

    fn weight(&self) -> String {
        format!("{}.weight", self.name)
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
        self.categories(input).map(|_| vec![self.out])
    }

    fn params(&self, input: &[usize]) -> Result<Vec<ParamSpec>> {
        let shape = vec![self.categories(input)?, self.out];
        // PyTorch draws from N(0, 1); as wide here, and bounded.
        Ok(vec![ParamSpec { name: self.weight(), shape, init: Init::HeUniform { fan_in: 2 } }])
    }

    fn forward(&self, cx: &mut Forward, x: Buf<f32>, input: &[usize]) -> Result<(Buf<f32>, Saved)> {
        let (categories, w) = (self.categories(input)?, cx.param(&self.name, "weight")?);
        let y = cx.rec.temp("y", cx.n * self.out);
        let (rows, table) = (Mat::new(x, cx.n, categories), Mat::new(w, categories, self.out));
        linear::product(cx.rec, rows, table, w, y, Product::default());
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
        let categories = self.categories(input)?;
        if matches!(cx.sink, Sink::Factors(_) | Sink::Rotated(_)) {
            return refused(&self.weight());
        }
        // g_n = x_n dy_nᵀ, [categories, out]: a dense layer's with x and dy in each other's place.
        let swapped = Saved { floats: vec![dy], ..Default::default() };
        cx.sink_dense(&self.weight(), &swapped, saved.floats[0], self.out, categories)?;
        if !need_dx {
            return Ok(None);
        }
        let (w, dx) = (cx.param(&self.name, "weight")?, cx.rec.temp("dx", cx.n * categories));
        let (dy, table) = (Mat::new(dy, cx.n, self.out), Mat::new(w, categories, self.out).t());
        linear::product(cx.rec, dy, table, w, dx, Product::default());
        Ok(Some(dx))
    }
}
