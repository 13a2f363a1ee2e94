//! `residual`: y = x + f(x), f a sequence of layers that keeps the shape.

use serde::{Deserialize, Serialize};

use super::keys::Keys;
use super::layer::{Backward, Facts, Forward, Layer, LayerRow, Saved, settings, table};
use super::params::ParamSpec;
use super::sequence::Sequence;
use crate::engine::Buf;
use crate::error::{Error, Result};
use crate::kernels::map::{self, Binary};

pub static ROW: LayerRow = LayerRow {
    kind: "residual",
    summary: "x + f(x), f = layers that keep the shape; parameters keep their own names",
    facts: Facts::PLAIN,
    build: |t| {
        let block: Block = settings(&ROW, t)?;
        Ok(Box::new(Residual { body: Sequence::parse(block.layers)? }))
    },
    keys: Keys::of::<Block>(),
    example: "type = \"residual\"\nlayers = [{ type = \"linear\", name = \"inner\", out = 6 }, { type = \"tanh\" }]",
    example_input: &[6],
};

#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct Block {
    /// The layers of f, tables as in `[[model.layers]]`.
    #[cfg_attr(feature = "cli", schemars(schema_with = "super::keys::layers"))]
    layers: Vec<toml::Table>,
}

struct Residual {
    body: Sequence,
}

impl Layer for Residual {
    fn row(&self) -> &'static LayerRow {
        &ROW
    }

    fn inner(&self) -> Vec<&[Box<dyn Layer>]> {
        vec![&self.body.layers]
    }

    fn config(&self) -> toml::Table {
        table(&ROW, &Block { layers: self.body.config() })
    }

    fn complete(&mut self, index: usize, _classes: Option<usize>) {
        for (i, layer) in self.body.layers.iter_mut().enumerate() {
            layer.complete(index * 100 + i + 1, None);
        }
    }

    fn out_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        let shapes = self.body.shapes(input)?;
        match shapes.last() {
            Some(out) if out == input => Ok(input.to_vec()),
            out => Err(Error::input(format!("a residual block must keep its shape: {input:?} became {out:?}"))),
        }
    }

    fn params(&self, input: &[usize]) -> Result<Vec<ParamSpec>> {
        self.body.params(input)
    }

    fn state(&self, input: &[usize]) -> Result<Vec<ParamSpec>> {
        self.body.state(input)
    }

    fn hops(&self) -> usize {
        self.body.hops()
    }

    fn buffers(&self) -> Vec<(String, f32)> {
        self.body.buffers()
    }

    fn forward(&self, cx: &mut Forward, x: Buf<f32>, input: &[usize]) -> Result<(Buf<f32>, Saved)> {
        let (inner, saved) = self.body.forward(cx, x, input)?;
        let y = cx.rec.temp("y", x.len);
        map::binary(cx.rec, Binary::Add, x, inner, y);
        Ok((y, Saved { inner: vec![saved], ..Default::default() }))
    }

    fn backward(
        &self,
        cx: &mut Backward,
        saved: &Saved,
        dy: Buf<f32>,
        input: &[usize],
        need_dx: bool,
    ) -> Result<Option<Buf<f32>>> {
        let inner = self.body.backward(cx, &saved.inner[0], dy, input, need_dx)?;
        let Some(inner) = inner.filter(|_| need_dx) else { return Ok(None) };
        let dx = cx.rec.temp("dx", dy.len);
        map::binary(cx.rec, Binary::Add, dy, inner, dx);
        Ok(Some(dx))
    }
}
