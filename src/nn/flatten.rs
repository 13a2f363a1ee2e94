//! `flatten`: [c, h, w] becomes [c·h·w]; `identity`: the shape stays as well. Nothing moves.

use serde::{Deserialize, Serialize};

use super::keys::Keys;
use super::layer::{Facts, Layer, LayerRow, SparseInput, settings, table};
use super::pass::{Backward, Forward, Saved};
use crate::engine::Buf;
use crate::error::Result;

pub static FLATTEN: LayerRow = LayerRow {
    kind: "flatten",
    summary: "[c, h, w] to [c·h·w]",
    facts: Facts { reshape: true, ..Facts::PLAIN },
    build: |t| settings::<NoSettings>(&FLATTEN, t).map(|_| Box::new(Passing { row: &FLATTEN }) as Box<dyn Layer>),
    keys: Keys::of::<NoSettings>(),
    example: "type = \"flatten\"",
    example_input: &[2, 3, 5],
};

pub static IDENTITY: LayerRow = LayerRow {
    kind: "identity",
    summary: "x as it is",
    facts: Facts { reshape: true, ..Facts::PLAIN },
    build: |t| settings::<NoSettings>(&IDENTITY, t).map(|_| Box::new(Passing { row: &IDENTITY }) as Box<dyn Layer>),
    keys: Keys::of::<NoSettings>(),
    example: "type = \"identity\"",
    example_input: &[3, 5],
};

#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct NoSettings {}

struct Passing {
    row: &'static LayerRow,
}

impl Layer for Passing {
    fn row(&self) -> &'static LayerRow {
        self.row
    }

    fn config(&self) -> toml::Table {
        table(self.row, &NoSettings {})
    }

    fn out_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        let flat = std::ptr::eq(self.row, &FLATTEN);
        Ok(if flat { vec![input.iter().product()] } else { input.to_vec() })
    }

    fn sparse(&self) -> SparseInput {
        if std::ptr::eq(self.row, &FLATTEN) { SparseInput::Refuses } else { SparseInput::Keeps }
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
