//! Elementwise activations: `relu`, `gelu` (exact, with erf), `tanh`, `sigmoid`, `elu`.

use serde::{Deserialize, Serialize};

use super::keys::Keys;
use super::layer::{Backward, Elementwise, Facts, Forward, Layer, LayerRow, Saved, settings, table};
use crate::engine::Buf;
use crate::error::Result;
use crate::kernels::map::{self, Unary};

pub static RELU: LayerRow = LayerRow {
    kind: "relu",
    summary: "max(x, 0)",
    facts: Facts::PLAIN,
    build: |t| build(&RELU, Unary::Relu, t),
    keys: Keys::of::<NoSettings>(),
    example: "type = \"relu\"",
    example_input: &[3, 5],
};

pub static GELU: LayerRow = LayerRow {
    kind: "gelu",
    summary: "x Φ(x), the exact form with erf (Hendrycks & Gimpel 2016)",
    facts: Facts::PLAIN,
    build: |t| build(&GELU, Unary::Gelu, t),
    keys: Keys::of::<NoSettings>(),
    example: "type = \"gelu\"",
    example_input: &[3, 5],
};

pub static TANH: LayerRow = LayerRow {
    kind: "tanh",
    summary: "hyperbolic tangent",
    facts: Facts::PLAIN,
    build: |t| build(&TANH, Unary::Tanh, t),
    keys: Keys::of::<NoSettings>(),
    example: "type = \"tanh\"",
    example_input: &[3, 5],
};

pub static SIGMOID: LayerRow = LayerRow {
    kind: "sigmoid",
    summary: "1 / (1 + exp(−x))",
    facts: Facts::PLAIN,
    build: |t| build(&SIGMOID, Unary::Sigmoid, t),
    keys: Keys::of::<NoSettings>(),
    example: "type = \"sigmoid\"",
    example_input: &[3, 5],
};

pub static ELU: LayerRow = LayerRow {
    kind: "elu",
    summary: "x, or exp(x) − 1 where x <= 0 (Clevert et al. 2016, α = 1)",
    facts: Facts::PLAIN,
    build: |t| build(&ELU, Unary::Elu, t),
    keys: Keys::of::<NoSettings>(),
    example: "type = \"elu\"",
    example_input: &[3, 5],
};

#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct NoSettings {}

struct Activation {
    row: &'static LayerRow,
    op: Unary,
}

fn build(row: &'static LayerRow, op: Unary, t: toml::Table) -> Result<Box<dyn Layer>> {
    settings::<NoSettings>(row, t)?;
    Ok(Box::new(Activation { row, op }))
}

impl Layer for Activation {
    fn row(&self) -> &'static LayerRow {
        self.row
    }

    fn config(&self) -> toml::Table {
        table(self.row, &NoSettings {})
    }

    fn out_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        Ok(input.to_vec())
    }

    fn elementwise(&self) -> Option<Elementwise> {
        (self.op == Unary::Relu).then_some(Elementwise::Relu)
    }

    fn forward(&self, cx: &mut Forward, x: Buf<f32>, _input: &[usize]) -> Result<(Buf<f32>, Saved)> {
        let y = cx.rec.temp("y", x.len);
        map::unary(cx.rec, self.op, x, y);
        Ok((y, Saved { floats: vec![x, y], ..Default::default() }))
    }

    fn backward(
        &self,
        cx: &mut Backward,
        saved: &Saved,
        dy: Buf<f32>,
        _input: &[usize],
        need_dx: bool,
    ) -> Result<Option<Buf<f32>>> {
        if !need_dx {
            return Ok(None);
        }
        let dx = cx.rec.temp("dx", dy.len);
        map::unary_bwd(cx.rec, self.op, saved.floats[0], saved.floats[1], dy, dx);
        Ok(Some(dx))
    }
}
