//! `flatten`: [c, h, w] becomes [c·h·w]; nothing moves.

use serde::{Deserialize, Serialize};

use super::keys::Keys;
use super::layer::{Backward, Facts, Forward, Layer, LayerRow, Saved, settings, table};
use crate::engine::Buf;
use crate::error::Result;

pub static ROW: LayerRow = LayerRow {
    kind: "flatten",
    summary: "[c, h, w] to [c·h·w]",
    facts: Facts { reshape: true, ..Facts::PLAIN },
    build: |t| Ok(Box::new(settings::<Flatten>(&ROW, t)?)),
    keys: Keys::of::<Flatten>(),
    example: "type = \"flatten\"",
    example_input: &[2, 3, 5],
};

#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct Flatten {}

impl Layer for Flatten {
    fn row(&self) -> &'static LayerRow {
        &ROW
    }

    fn config(&self) -> toml::Table {
        table(&ROW, self)
    }

    fn out_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        Ok(vec![input.iter().product()])
    }

    fn forward(&self, _cx: &mut Forward, x: Buf<f32>, _input: &[usize]) -> Result<(Buf<f32>, Saved)> {
        Ok((x, Saved::default()))
    }

    fn backward(
        &self,
        _cx: &mut Backward,
        _saved: &Saved,
        dy: Buf<f32>,
        _input: &[usize],
        _need_dx: bool,
    ) -> Result<Option<Buf<f32>>> {
        Ok(Some(dy))
    }
}
