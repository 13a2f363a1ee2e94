//! `dropout`: zeroes each element with probability p in training and scales the rest; the mask is a function of
//! (seed, step, layer, element), so the backward pass makes it again instead of storing it.

use serde::{Deserialize, Serialize};

use super::keys::Keys;
use super::layer::{Elementwise, Facts, Layer, LayerRow, SparseInput, settings, table};
use super::pass::{Backward, Forward, Saved};
use crate::engine::Buf;
use crate::error::{Error, Result};
use crate::kernels::map;

pub static ROW: LayerRow = LayerRow {
    kind: "dropout",
    summary: "inverted dropout with probability p (Srivastava et al. 2014), mask from Philox",
    facts: Facts::PLAIN,
    build: |t| {
        let layer: Dropout = settings(&ROW, t)?;
        if !(0.0..1.0).contains(&(layer.p as f32)) {
            return Err(Error::input(format!("layer `dropout`: p must be in [0, 1), it is {}", layer.p)));
        }
        Ok(Box::new(layer))
    },
    keys: Keys::of::<Dropout>(),
    example: "type = \"dropout\"\np = 0.4",
    example_input: &[3, 7],
};

#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct Dropout {
    /// Probability that an element is set to 0 in training.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0, "exclusiveMaximum" = 1)))]
    p: f64,
}

impl Layer for Dropout {
    fn row(&self) -> &'static LayerRow {
        &ROW
    }

    fn config(&self) -> toml::Table {
        table(&ROW, self)
    }

    fn out_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        Ok(input.to_vec())
    }

    fn sparse(&self) -> SparseInput {
        SparseInput::Keeps
    }

    fn elementwise(&self) -> Option<Elementwise> {
        Some(Elementwise::Dropout(self.p as f32))
    }

    fn forward(&self, cx: &mut Forward, x: Buf<f32>, _input: &[usize]) -> Result<(Buf<f32>, Saved)> {
        if !cx.mode.trains() {
            return Ok((x, Saved::default()));
        }
        let (stream, step) = cx.dropout_stream()?;
        let y = cx.rec.temp("y", x.len);
        map::dropout(cx.rec, x, y, self.p as f32, stream, step);
        Ok((y, Saved { stream: Some(stream), ..Default::default() }))
    }

    fn backward(
        &self,
        cx: &mut Backward,
        saved: &Saved,
        dy: Buf<f32>,
        _input: &[usize],
        need_dx: bool,
    ) -> Result<Option<Buf<f32>>> {
        let (Some(stream), true) = (saved.stream, need_dx) else { return Ok(Some(dy)) };
        let step = cx.step_words()?;
        let dx = cx.rec.temp("dx", dy.len);
        map::dropout(cx.rec, dy, dx, self.p as f32, stream, step);
        Ok(Some(dx))
    }
}
