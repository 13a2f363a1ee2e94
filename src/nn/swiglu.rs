//! `swiglu`: y = W_down (silu(W_gate x) ⊙ W_up x).

use serde::{Deserialize, Serialize};

use super::dense::{Dense, kept, start};
use super::keys::Keys;
use super::layer::{Facts, Layer, LayerRow, settings, table};
use super::lora::{Adapted, Lora};
use super::params::{Init, ParamSpec};
use super::pass::{Backward, Forward, Saved};
use crate::engine::Buf;
use crate::error::{Error, Result};
use crate::kernels::map::{self, Binary, Unary};

pub static ROW: LayerRow = LayerRow {
    kind: "swiglu",
    summary: "W_down (silu(W_gate x) ⊙ W_up x) (Shazeer 2020), as wide as x; gate_proj, up_proj, down_proj as Llama's \
        MLP has them",
    facts: Facts::PLAIN,
    build: |t| {
        let keys: SwiGlu = settings(&ROW, t)?;
        Ok(Box::new(keys))
    },
    keys: Keys::of::<SwiGlu>(),
    example: "type = \"swiglu\"\nname = \"mlp\"\ninner = 5",
    example_input: &[6],
};

#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct SwiGlu {
    /// Stem of its parameters' names; empty: made from its place.
    #[serde(default)]
    name: String,
    /// Width between the maps.
    #[cfg_attr(feature = "cli", schemars(range(min = 1)))]
    inner: usize,
    /// Standard deviation of its weights at the start; Glorot's, which follows from their sizes, if absent.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    spread: Option<f64>,
    /// An adapter beside each of its maps (Hu et al., ICLR 2022): then it alone is trained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lora: Option<Lora>,
}

impl SwiGlu {
    /// Gate, up and down.
    fn maps(&self, input: &[usize]) -> Result<[Dense; 3]> {
        let &[width] = input else {
            let what = format!("layer `{}`: swiglu takes [features], its input is {input:?}", self.name);
            return Err(Error::input(what));
        };
        if self.inner == 0 {
            return Err(Error::input(format!("layer `{}`: inner must be at least 1", self.name)));
        }
        let map = |part: &str, inputs, outputs| -> Result<Dense> {
            let init = start(&self.name, self.spread, Init::GlorotUniform { fan_in: inputs, fan_out: outputs })?;
            let name = format!("{}.{part}", self.name);
            Ok(Dense { name, inputs, outputs, bias: false, transposed: false, init, lora: self.lora })
        };
        let inner = self.inner;
        self.lora.map_or(Ok(()), |lora| lora.check(&self.name))?;
        Ok([map("gate_proj", width, inner)?, map("up_proj", width, inner)?, map("down_proj", inner, width)?])
    }
}

impl Layer for SwiGlu {
    fn row(&self) -> &'static LayerRow {
        &ROW
    }

    fn config(&self) -> toml::Table {
        table(&ROW, self)
    }

    fn complete(&mut self, index: usize, _classes: Option<usize>) {
        if self.name.is_empty() {
            self.name = format!("mlp{index}");
        }
    }

    fn out_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        self.maps(input).map(|_| input.to_vec())
    }

    fn params(&self, input: &[usize]) -> Result<Vec<ParamSpec>> {
        Ok(self.maps(input)?.iter().flat_map(Dense::specs).collect())
    }

    fn adapted(&self) -> Vec<Adapted> {
        let of = |lora| {
            let each = ["gate_proj", "up_proj", "down_proj"].into_iter();
            each.map(move |part| Adapted { name: format!("{}.{part}", self.name), transposed: false, lora })
        };
        self.lora.into_iter().flat_map(of).collect()
    }

    fn forward(&self, cx: &mut Forward, x: Buf<f32>, input: &[usize]) -> Result<(Buf<f32>, Saved)> {
        let [gate, up, down] = self.maps(input)?;
        let (gate, up) = (gate.forward(cx, x)?, up.forward(cx, x)?);
        let [open, inside] = ["silu", "inside"].map(|name| cx.rec.temp(name, gate.len));
        map::unary(cx.rec, Unary::Silu, gate, open);
        map::binary(cx.rec, Binary::Mul, open, up, inside);
        let y = down.forward(cx, inside)?;
        Ok((y, Saved { floats: vec![x, gate, open, up, inside], ..Default::default() }))
    }

    fn backward(
        &self,
        cx: &mut Backward,
        saved: &Saved,
        dy: Buf<f32>,
        input: &[usize],
        need_dx: bool,
    ) -> Result<Option<Buf<f32>>> {
        let [to_gate, to_up, down] = self.maps(input)?;
        let &[x, gate, open, up, inside] = &saved.floats[..] else {
            return Err(Error::internal("a swiglu kept other tensors than it needs"));
        };
        let dinside = down.backward(cx, &kept(inside), dy, true)?;
        let dinside = dinside.ok_or_else(|| Error::internal("a map without the gradient that was asked for"))?;
        let [dopen, dup, dgate] = ["dsilu", "dup", "dgate"].map(|name| cx.rec.temp(name, gate.len));
        map::binary(cx.rec, Binary::Mul, dinside, up, dopen);
        map::binary(cx.rec, Binary::Mul, dinside, open, dup);
        map::unary_bwd(cx.rec, Unary::Silu, gate, open, dopen, dgate);
        let parts = [to_gate.backward(cx, &kept(x), dgate, need_dx)?, to_up.backward(cx, &kept(x), dup, need_dx)?];
        if let [Some(sum), Some(part)] = parts {
            map::axpby(cx.rec, 1.0, part, 1.0, sum);
        }
        Ok(parts[0])
    }
}
