//! `position_embedding`: a learned vector for each place in a sequence.

use serde::{Deserialize, Serialize};

use super::dense::start;
use super::keys::Keys;
use super::layer::{Facts, Layer, LayerRow, Rows, settings, table};
use super::params::{Init, ParamSpec};
use super::pass::{Backward, Forward, Saved};
use super::structure::Segments;
use crate::engine::Buf;
use crate::error::{Error, Result};
use crate::kernels::{attention, map};

pub static ROW: LayerRow = LayerRow {
    kind: "position_embedding",
    summary: "x + W[place of the token in its sequence], learned (Radford et al. 2019); weight [context, width]",
    facts: Facts { rows: Rows::Tokens, ..Facts::PLAIN },
    build: |t| {
        let keys: PositionEmbedding = settings(&ROW, t)?;
        Ok(Box::new(keys))
    },
    keys: Keys::of::<PositionEmbedding>(),
    example: "type = \"position_embedding\"\nname = \"wpe\"\ncontext = 7",
    example_input: &[6],
};

#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct PositionEmbedding {
    /// Stem of its parameter's name; empty: made from its place.
    #[serde(default)]
    name: String,
    /// Tokens of the longest sequence.
    #[cfg_attr(feature = "cli", schemars(range(min = 1)))]
    context: usize,
    /// Standard deviation of its numbers at the start.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0)))]
    #[serde(default = "small")]
    spread: f64,
}

/// GPT-2's.
fn small() -> f64 {
    0.02
}

impl PositionEmbedding {
    fn width(&self, input: &[usize]) -> Result<usize> {
        match *input {
            [width] if self.context > 0 => Ok(width),
            [_] => Err(Error::input(format!("layer `{}`: context must be at least 1", self.name))),
            _ => Err(Error::input(format!(
                "layer `{}`: position_embedding takes the [features] of tokens, its input is {input:?}",
                self.name
            ))),
        }
    }

    fn segments(&self, segments: Option<Segments>) -> Result<Segments> {
        let s = segments.ok_or_else(|| no_sequences(&self.name, ROW.kind))?;
        self.fits(s.longest).map(|()| s)
    }

    /// Whether there are places for sequences of so many tokens.
    fn fits(&self, longest: usize) -> Result<()> {
        match longest <= self.context {
            true => Ok(()),
            false => Err(Error::input(format!(
                "layer `{}`: a sequence of {} tokens is longer than context = {}; cut it into windows, or make the \
                    context longer",
                self.name, longest, self.context
            ))),
        }
    }
}

/// What a layer over sequences says where there are none.
pub(super) fn no_sequences(layer: &str, kind: &str) -> Error {
    Error::input(format!(
        "layer `{layer}` ({kind}) works on the tokens of sequences, and the rows here are none; use a data set of text"
    ))
}

impl Layer for PositionEmbedding {
    fn row(&self) -> &'static LayerRow {
        &ROW
    }

    fn config(&self) -> toml::Table {
        table(&ROW, self)
    }

    fn complete(&mut self, index: usize, _classes: Option<usize>) {
        if self.name.is_empty() {
            self.name = format!("pos{index}");
        }
    }

    fn out_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        self.width(input).map(|width| vec![width])
    }

    fn params(&self, input: &[usize]) -> Result<Vec<ParamSpec>> {
        let shape = vec![self.context, self.width(input)?];
        let init = start(&self.name, Some(self.spread), Init::Constant(0.0))?;
        Ok(vec![ParamSpec { name: format!("{}.weight", self.name), shape, init }])
    }

    fn keeps(&self, _input: &[usize]) -> Option<usize> {
        Some(0)
    }

    fn forward(&self, cx: &mut Forward, x: Buf<f32>, input: &[usize]) -> Result<(Buf<f32>, Saved)> {
        let (width, w) = (self.width(input)?, cx.param(&self.name, "weight")?);
        let places = match cx.continued {
            Some(c) => self.fits(c.all.longest).map(|()| c.places)?,
            None => {
                let (s, places) = (self.segments(cx.segments)?, cx.rec.temp("places", cx.n));
                attention::positions(cx.rec, &s.sequences(), places);
                places
            }
        };
        let y = cx.rec.temp("y", x.len);
        // Rows of nobody have no place, and are left as they are.
        cx.rec.clear(y);
        map::gather_rows(cx.rec, w, 0, self.context, width, places, y);
        map::axpby(cx.rec, 1.0, x, 1.0, y);
        Ok((y, Saved::default()))
    }

    fn backward(
        &self,
        cx: &mut Backward,
        _saved: &Saved,
        dy: Buf<f32>,
        input: &[usize],
        _need_dx: bool,
    ) -> Result<Option<Buf<f32>>> {
        let (width, s) = (self.width(input)?, self.segments(cx.segments)?);
        // A sequence has at most one row at a place: side by side, its rows are its gradient.
        let (rows, each) = (cx.rec.temp("rows", s.count * self.context), s.count * self.context * width);
        attention::aligned(cx.rec, s.ptr, rows, self.context);
        let side = cx.rec.temp("rows side by side", each);
        cx.rec.clear(side);
        map::gather_rows(cx.rec, dy, 0, cx.n, width, rows, side);
        cx.sink_rows(&format!("{}.weight", self.name), side, [s.count, self.context * width])?;
        Ok(Some(dy))
    }
}
