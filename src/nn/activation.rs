//! Elementwise activations: `relu`, `gelu` (exact, with erf), `gelu_tanh`, `tanh`, `sigmoid`, `elu`, `silu`,
//! `leaky_relu`, `softplus`, `hard_swish`, `relu6`.

use serde::{Deserialize, Serialize};

use super::keys::Keys;
use super::layer::{Elementwise, Facts, Layer, LayerRow, settings, table};
use super::pass::{Backward, Forward, Saved};
use crate::base::single;
use crate::engine::Buf;
use crate::error::{Error, Result};
use crate::kernels::map::{self, Curve, Unary};

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

pub static GELU_TANH: LayerRow = LayerRow {
    kind: "gelu_tanh",
    summary: "x (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2, GPT-2's form of gelu (PyTorch's approximate = \"tanh\")",
    facts: Facts::PLAIN,
    build: |t| build(&GELU_TANH, Unary::GeluTanh, t),
    keys: Keys::of::<NoSettings>(),
    example: "type = \"gelu_tanh\"",
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

pub static SILU: LayerRow = LayerRow {
    kind: "silu",
    summary: "x σ(x), also called swish (Elfwing et al. 2018)",
    facts: Facts::PLAIN,
    build: |t| build(&SILU, Unary::Silu, t),
    keys: Keys::of::<NoSettings>(),
    example: "type = \"silu\"",
    example_input: &[3, 5],
};

pub static HARD_SWISH: LayerRow = LayerRow {
    kind: "hard_swish",
    summary: "x min(max(x + 3, 0), 6) / 6 (Howard et al. 2019)",
    facts: Facts::PLAIN,
    build: |t| build(&HARD_SWISH, Unary::HardSwish, t),
    keys: Keys::of::<NoSettings>(),
    example: "type = \"hard_swish\"",
    example_input: &[3, 5],
};

pub static RELU6: LayerRow = LayerRow {
    kind: "relu6",
    summary: "min(max(x, 0), 6) (Sandler et al. 2018)",
    facts: Facts::PLAIN,
    build: |t| build(&RELU6, Unary::Relu6, t),
    keys: Keys::of::<NoSettings>(),
    example: "type = \"relu6\"",
    example_input: &[3, 5],
};

pub static LEAKY_RELU: LayerRow = LayerRow {
    kind: "leaky_relu",
    summary: "x, or slope · x where x <= 0 (Maas et al. 2013)",
    facts: Facts::PLAIN,
    build: |t| {
        let Leaky { slope } = settings(&LEAKY_RELU, t)?;
        let a = number(&LEAKY_RELU, "slope", slope)?;
        let keys = table(&LEAKY_RELU, &Leaky { slope });
        Ok(Box::new(Activation { row: &LEAKY_RELU, curve: Curve { op: Unary::LeakyRelu, a, b: 0.0 }, keys }))
    },
    keys: Keys::of::<Leaky>(),
    example: "type = \"leaky_relu\"\nslope = 0.2",
    example_input: &[3, 5],
};

pub static SOFTPLUS: LayerRow = LayerRow {
    kind: "softplus",
    summary: "log(1 + exp(beta x)) / beta, or x where beta x > threshold",
    facts: Facts::PLAIN,
    build: |t| {
        let s: Softplus = settings(&SOFTPLUS, t)?;
        let (a, b) = (number(&SOFTPLUS, "beta", s.beta)?, number(&SOFTPLUS, "threshold", s.threshold)?);
        if a <= 0.0 {
            return Err(Error::input(format!("layer `softplus`: beta must be above 0, it is {}", s.beta)));
        }
        let keys = table(&SOFTPLUS, &s);
        Ok(Box::new(Activation { row: &SOFTPLUS, curve: Curve { op: Unary::Softplus, a, b }, keys }))
    },
    keys: Keys::of::<Softplus>(),
    example: "type = \"softplus\"\nbeta = 1.5\nthreshold = 1",
    example_input: &[3, 5],
};

/// A setting as the number of 32 bits that it must be.
fn number(row: &LayerRow, key: &str, value: f64) -> Result<f32> {
    match single(value) {
        true => Ok(value as f32),
        false => Err(Error::input(format!(
            "layer `{}`: {key} must be 0 or a number of 32 bits (1.2e-38 to 3.4e38 in size), it is {value}",
            row.kind
        ))),
    }
}

#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct NoSettings {}

#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct Leaky {
    /// Factor on x where it is not positive.
    #[serde(default = "hundredth")]
    slope: f64,
}

#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct Softplus {
    /// How sharp the bend is.
    #[cfg_attr(feature = "cli", schemars(extend("exclusiveMinimum" = 0)))]
    #[serde(default = "unit")]
    beta: f64,
    /// Where beta x is above it, x itself is taken.
    #[serde(default = "twenty")]
    threshold: f64,
}

fn hundredth() -> f64 {
    0.01
}

fn unit() -> f64 {
    1.0
}

fn twenty() -> f64 {
    20.0
}

struct Activation {
    row: &'static LayerRow,
    curve: Curve,
    keys: toml::Table,
}

fn build(row: &'static LayerRow, op: Unary, t: toml::Table) -> Result<Box<dyn Layer>> {
    let keys = table(row, &settings::<NoSettings>(row, t)?);
    Ok(Box::new(Activation { row, curve: op.into(), keys }))
}

impl Layer for Activation {
    fn row(&self) -> &'static LayerRow {
        self.row
    }

    fn config(&self) -> toml::Table {
        self.keys.clone()
    }

    fn out_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        Ok(input.to_vec())
    }

    fn elementwise(&self) -> Option<Elementwise> {
        (self.curve.op == Unary::Relu).then_some(Elementwise::Relu)
    }

    fn forward(&self, cx: &mut Forward, x: Buf<f32>, _input: &[usize]) -> Result<(Buf<f32>, Saved)> {
        let y = cx.rec.temp("y", x.len);
        map::unary(cx.rec, self.curve, x, y);
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
        map::unary_bwd(cx.rec, self.curve, saved.floats[0], saved.floats[1], dy, dx);
        Ok(Some(dx))
    }
}
