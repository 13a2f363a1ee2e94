//! `squeeze_excite`: y = x ⊙ gate(W₂ relu(W₁ mean(x) + b₁) + b₂), one factor for each channel of a record.

use serde::{Deserialize, Serialize};

use super::keys::Keys;
use super::layer::{Facts, Layer, LayerRow, picture, settings, table};
use super::params::{Init, ParamSpec};
use super::pass::{Backward, Forward, Saved};
use crate::engine::{Buf, Recording};
use crate::error::{Error, Result};
use crate::kernels::map::{self, Binary, Unary};
use crate::kernels::pool::{self, PoolShape};

pub static ROW: LayerRow = LayerRow {
    kind: "squeeze_excite",
    summary: "scales each channel by a gate of all channels' means (Hu et al. 2018); fc1, fc2 as torchvision's \
        SqueezeExcitation has them, weights [out, in, 1, 1]",
    facts: Facts::PLAIN,
    build: |t| Ok(Box::new(settings::<SqueezeExcite>(&ROW, t)?)),
    keys: Keys::of::<SqueezeExcite>(),
    example: "type = \"squeeze_excite\"\nname = \"se\"\nsqueeze = 2\ngate = \"hard_sigmoid\"",
    example_input: &[3, 4, 5],
};

/// As written in a configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
enum Gate {
    /// 1 / (1 + exp(−x)).
    #[default]
    Sigmoid,
    /// min(max(x + 3, 0), 6) / 6, as MobileNetV3 has it.
    HardSigmoid,
}

impl Gate {
    fn op(self) -> Unary {
        match self {
            Gate::Sigmoid => Unary::Sigmoid,
            Gate::HardSigmoid => Unary::HardSigmoid,
        }
    }
}

#[derive(Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct SqueezeExcite {
    /// Stem of its parameters' names; empty: made from its place.
    #[serde(default)]
    name: String,
    /// Channels between the two maps.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 1)))]
    squeeze: usize,
    /// What makes a factor of what comes out of the second map.
    #[serde(default)]
    gate: Gate,
}

/// Where the floats lie that [`SqueezeExcite`] keeps.
const X: usize = 0;
const MEAN: usize = 1;
const INSIDE: usize = 2;
const RELU: usize = 3;
const BEFORE_GATE: usize = 4;
const GATE: usize = 5;
const SPREAD: usize = 6;

impl SqueezeExcite {
    /// Pooling of whole planes, and the channels.
    fn shape(&self, n: usize, input: &[usize]) -> Result<(PoolShape, usize)> {
        let fail = |e: String| Error::input(format!("layer `{}` (squeeze_excite) over {input:?}: {e}", self.name));
        let [c, h, w] = picture(ROW.kind, input)?;
        if self.squeeze == 0 {
            return Err(fail("`squeeze`, the number of channels between its two maps, is 0".to_owned()));
        }
        Ok((PoolShape::global(n, c, h, w).map_err(fail)?, c))
    }

    fn part(&self, of: &str) -> String {
        format!("{}.{of}", self.name)
    }
}

/// What each number of `of` [n, c] is on each pixel of its plane [n, c, h, w].
fn spread(rec: &mut Recording, s: &PoolShape, of: Buf<f32>) -> Buf<f32> {
    // The gradient of a mean gives each pixel its part.
    let (whole, all) = (rec.temp("whole", of.len), rec.temp("spread", s.inputs()));
    map::axpby(rec, (s.h * s.w) as f32, of, 0.0, whole);
    pool::avg_bwd(rec, s, whole, all);
    all
}

impl Layer for SqueezeExcite {
    fn row(&self) -> &'static LayerRow {
        &ROW
    }

    fn config(&self) -> toml::Table {
        table(&ROW, self)
    }

    fn complete(&mut self, index: usize, _classes: Option<usize>) {
        if self.name.is_empty() {
            self.name = format!("se{index}");
        }
    }

    fn out_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        self.shape(1, input).map(|_| input.to_vec())
    }

    fn params(&self, input: &[usize]) -> Result<Vec<ParamSpec>> {
        let (_, c) = self.shape(1, input)?;
        let map = |of: &str, from: usize, to: usize| {
            let init = Init::HeUniform { fan_in: from };
            let weight = ParamSpec { name: self.part(&format!("{of}.weight")), shape: vec![to, from, 1, 1], init };
            [weight, ParamSpec::zeros(self.part(&format!("{of}.bias")), vec![to])]
        };
        Ok([map("fc1", c, self.squeeze), map("fc2", self.squeeze, c)].concat())
    }

    fn forward(&self, cx: &mut Forward, x: Buf<f32>, input: &[usize]) -> Result<(Buf<f32>, Saved)> {
        let (s, c) = self.shape(cx.n, input)?;
        let [w1, b1, w2, b2] = ["fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"].map(|of| cx.param(&self.name, of));
        let mean = cx.rec.temp("mean", s.outputs());
        pool::avg(cx.rec, &s, x, mean);
        let inside = cx.project(mean, w1?, Some(b1?), c, self.squeeze);
        let relu = cx.rec.temp("relu", inside.len);
        map::unary(cx.rec, Unary::Relu, inside, relu);
        let before = cx.project(relu, w2?, Some(b2?), self.squeeze, c);
        let gate = cx.rec.temp("gate", before.len);
        map::unary(cx.rec, self.gate.op(), before, gate);
        let spread = spread(cx.rec, &s, gate);
        let y = cx.rec.temp("y", x.len);
        map::binary(cx.rec, Binary::Mul, x, spread, y);
        Ok((y, Saved { floats: vec![x, mean, inside, relu, before, gate, spread], ..Default::default() }))
    }

    fn backward(
        &self,
        cx: &mut Backward,
        saved: &Saved,
        dy: Buf<f32>,
        input: &[usize],
        need_dx: bool,
    ) -> Result<Option<Buf<f32>>> {
        let (s, c) = self.shape(cx.n, input)?;
        let kept = |i: usize| saved.floats[i];
        let input_of = |i: usize| Saved { floats: vec![saved.floats[i]], ..Default::default() };
        let [product, mean, dgate, dbefore, dinside] =
            [dy.len, s.outputs(), s.outputs(), s.outputs(), kept(INSIDE).len].map(|len| cx.rec.temp("d", len));
        map::binary(cx.rec, Binary::Mul, dy, kept(X), product);
        pool::avg(cx.rec, &s, product, mean);
        map::axpby(cx.rec, (s.h * s.w) as f32, mean, 0.0, dgate);
        map::unary_bwd(cx.rec, self.gate.op(), kept(BEFORE_GATE), kept(GATE), dgate, dbefore);
        cx.sink_dense(&self.part("fc2.weight"), &input_of(RELU), dbefore, self.squeeze, c)?;
        cx.sink_bias(&self.part("fc2.bias"), dbefore, c, 1)?;
        let w2 = cx.param(&self.name, "fc2.weight")?;
        let drelu = cx.project_back(dbefore, w2, self.squeeze, c);
        map::unary_bwd(cx.rec, Unary::Relu, kept(INSIDE), kept(RELU), drelu, dinside);
        cx.sink_dense(&self.part("fc1.weight"), &input_of(MEAN), dinside, c, self.squeeze)?;
        cx.sink_bias(&self.part("fc1.bias"), dinside, self.squeeze, 1)?;
        if !need_dx {
            return Ok(None);
        }
        let w1 = cx.param(&self.name, "fc1.weight")?;
        let dmean = cx.project_back(dinside, w1, c, self.squeeze);
        let (through, dx) = (cx.rec.temp("dx_gate", dy.len), cx.rec.temp("dx", dy.len));
        pool::avg_bwd(cx.rec, &s, dmean, through);
        map::binary(cx.rec, Binary::Mul, dy, kept(SPREAD), dx);
        map::axpby(cx.rec, 1.0, through, 1.0, dx);
        Ok(Some(dx))
    }
}
