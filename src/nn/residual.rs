//! `residual`: y = s(x) + f(x), f and s sequences of layers that make one shape; without layers s(x) = x.

use serde::{Deserialize, Serialize};

use super::keys::Keys;
use super::layer::{Facts, Layer, LayerRow, settings, table};
use super::params::ParamSpec;
use super::pass::{Backward, Forward, Saved};
use super::sequence::{Sequence, complete_inside};
use crate::engine::Buf;
use crate::error::{Error, Result};
use crate::kernels::map::{self, Binary};

pub static ROW: LayerRow = LayerRow {
    kind: "residual",
    summary: "shortcut(x) + f(x), both layers that make one shape; without layers the shortcut is x; parameters keep \
        their own names",
    facts: Facts::PLAIN,
    build: |t| {
        let Block { layers, shortcut } = settings(&ROW, t)?;
        let within = |e: Error| Error::input(format!("the shortcut of layer `residual`: {e}"));
        Ok(Box::new(Residual { body: Sequence::parse(layers)?, shortcut: Sequence::parse(shortcut).map_err(within)? }))
    },
    keys: Keys::of::<Block>(),
    example: "type = \"residual\"\nlayers = [{ type = \"linear\", name = \"inner\", out = 5 }, { type = \"tanh\" }]\n\
        shortcut = [{ type = \"linear\", name = \"beside\", out = 5, bias = false }]",
    example_input: &[6],
};

#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct Block {
    /// The layers of f, tables as in `[[model.layers]]`.
    #[cfg_attr(feature = "cli", schemars(schema_with = "super::keys::layers"))]
    layers: Vec<toml::Table>,
    /// The layers that x goes through beside f, so that the shape may change; none: x itself is added.
    #[cfg_attr(feature = "cli", schemars(schema_with = "super::keys::layers"))]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    shortcut: Vec<toml::Table>,
}

struct Residual {
    body: Sequence,
    shortcut: Sequence,
}

impl Layer for Residual {
    fn row(&self) -> &'static LayerRow {
        &ROW
    }

    fn inner(&self) -> Vec<&[Box<dyn Layer>]> {
        vec![&self.body.layers, &self.shortcut.layers]
    }

    fn config(&self) -> toml::Table {
        table(&ROW, &Block { layers: self.body.config(), shortcut: self.shortcut.config() })
    }

    fn complete(&mut self, index: usize, _classes: Option<usize>) {
        complete_inside(self.body.layers.iter_mut().chain(&mut self.shortcut.layers), index);
    }

    fn out_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        let body = self.body.out_shape(input)?;
        if self.shortcut.layers.is_empty() && body != input {
            return Err(Error::input(format!(
                "a residual block without a shortcut must keep its shape: {input:?} became {body:?}; give it a \
                    `shortcut`, layers that make {body:?} of {input:?}"
            )));
        }
        let beside = self.shortcut.out_shape(input).map_err(|e| Error::input(format!("in the shortcut: {e}")))?;
        if beside != body {
            return Err(Error::input(format!(
                "a residual block adds what its layers and its shortcut make of {input:?}, so both need one shape: the \
                    layers make {body:?}, the shortcut {beside:?}"
            )));
        }
        Ok(body)
    }

    fn params(&self, input: &[usize]) -> Result<Vec<ParamSpec>> {
        Ok([self.body.params(input)?, self.shortcut.params(input)?].concat())
    }

    fn state(&self, input: &[usize]) -> Result<Vec<ParamSpec>> {
        Ok([self.body.state(input)?, self.shortcut.state(input)?].concat())
    }

    fn hops(&self) -> usize {
        self.body.hops().max(self.shortcut.hops())
    }

    fn buffers(&self) -> Vec<(String, f32)> {
        [self.body.buffers(), self.shortcut.buffers()].concat()
    }

    fn forward(&self, cx: &mut Forward, x: Buf<f32>, input: &[usize]) -> Result<(Buf<f32>, Saved)> {
        let rows = (cx.n, cx.graph, cx.segments);
        let (inner, saved) = self.body.forward(cx, x, input)?;
        // A read-out in the layers has one in the shortcut beside it.
        let behind = cx.n;
        (cx.n, cx.graph, cx.segments) = rows;
        let (beside, saved_beside) = self.shortcut.forward(cx, x, input)?;
        if cx.n != behind {
            return Err(Error::input(
                "a residual block whose layers or shortcut end in rows of graphs needs a `readout` in both",
            ));
        }
        let y = cx.rec.temp("y", inner.len);
        map::binary(cx.rec, Binary::Add, beside, inner, y);
        Ok((y, Saved { inner: vec![saved, saved_beside], ..Default::default() }))
    }

    fn backward(
        &self,
        cx: &mut Backward,
        saved: &Saved,
        dy: Buf<f32>,
        input: &[usize],
        need_dx: bool,
    ) -> Result<Option<Buf<f32>>> {
        let rows = (cx.n, cx.graph, cx.segments);
        let inner = self.body.backward(cx, &saved.inner[0], dy, input, need_dx)?;
        (cx.n, cx.graph, cx.segments) = rows;
        let beside = self.shortcut.backward(cx, &saved.inner[1], dy, input, need_dx)?;
        let (Some(inner), Some(beside)) = (inner.filter(|_| need_dx), beside) else { return Ok(None) };
        let dx = cx.rec.temp("dx", inner.len);
        map::binary(cx.rec, Binary::Add, beside, inner, dx);
        Ok(Some(dx))
    }
}
