//! `gin_conv`: the sum over a node and its neighbours through a small network, as strong as a test of isomorphism.

use serde::{Deserialize, Serialize};

use super::keys::Keys;
use super::layer::{Facts, Layer, LayerRow, SparseInput, settings, table};
use super::params::ParamSpec;
use super::pass::{Backward, Forward, Saved};
use super::project::Project;
use super::structure::{complete, node_features};
use crate::engine::Buf;
use crate::error::{Error, Result};
use crate::kernels::graph::{self, Spmm};
use crate::kernels::map::{self, Unary};

pub static ROW: LayerRow = LayerRow {
    kind: "gin_conv",
    summary: "GIN: y = W₂ relu(W₀ ((1 + eps) x + Σ x_j) + b₀) + b₂ (Xu et al. 2019, eq. 4.1); nn.0, nn.2; hidden = out",
    facts: Facts::MESSAGES,
    build: |t| {
        let layer: GinConv = settings(&ROW, t)?;
        match layer.hidden {
            Some(0) => Err(Error::input("layer `gin_conv`: hidden must be 1 or more, the width inside")),
            _ => Ok(Box::new(layer)),
        }
    },
    keys: Keys::of::<GinConv>(),
    example: "type = \"gin_conv\"\nname = \"conv\"\nout = 5\nhidden = 6\neps = 0.25",
    example_input: &[7],
};

#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct GinConv {
    /// Stem of its parameters' names; empty: made from its place.
    #[serde(default)]
    name: String,
    /// Outputs of a node; of the last layer, the number of classes if absent.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 1)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    out: Option<usize>,
    /// Width inside; that of the output if absent.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 1)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hidden: Option<usize>,
    /// Weight of the node itself, beyond that of a neighbour.
    #[serde(default)]
    eps: f64,
}

impl GinConv {
    /// The two linear maps of the inner network.
    fn projections(&self, input: &[usize]) -> Result<[Project; 2]> {
        let (inputs, outputs) = node_features(ROW.kind, &self.name, input, self.out)?;
        let hidden = self.hidden.unwrap_or(outputs);
        if hidden == 0 || !(self.eps as f32).is_finite() {
            let what = if hidden == 0 { "hidden must be 1 or more" } else { "eps must be a finite number of 32 bits" };
            return Err(Error::input(format!("layer `{}` (gin_conv): {what}", self.name)));
        }
        Ok([
            Project { weight: format!("{}.nn.0.weight", self.name), inputs, outputs: hidden },
            Project { weight: format!("{}.nn.2.weight", self.name), inputs: hidden, outputs },
        ])
    }

    fn bias_names(&self) -> [String; 2] {
        [0, 2].map(|i| format!("{}.nn.{i}.bias", self.name))
    }

    fn own(&self) -> f32 {
        (1.0 + self.eps) as f32
    }
}

impl Layer for GinConv {
    fn row(&self) -> &'static LayerRow {
        &ROW
    }

    fn config(&self) -> toml::Table {
        table(&ROW, self)
    }

    fn complete(&mut self, index: usize, classes: Option<usize>) {
        complete(&mut self.name, &mut self.out, index, classes);
    }

    fn out_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        Ok(vec![self.projections(input)?[1].outputs])
    }

    fn params(&self, input: &[usize]) -> Result<Vec<ParamSpec>> {
        let each = self.projections(input)?.into_iter().zip(self.bias_names());
        Ok(each.flat_map(|(p, bias)| [p.spec(), ParamSpec::zeros(bias, vec![p.outputs])]).collect())
    }

    fn buffers(&self) -> Vec<(String, f32)> {
        vec![(format!("{}.eps", self.name), self.eps as f32)]
    }

    fn sparse(&self) -> SparseInput {
        SparseInput::Takes
    }

    fn hops(&self) -> usize {
        1
    }

    fn forward(&self, cx: &mut Forward, x: Buf<f32>, input: &[usize]) -> Result<(Buf<f32>, Saved)> {
        let g = cx.structure(&self.name)?;
        let [first, second] = self.projections(input)?;
        let names = self.bias_names();
        let [b0, b2] = [cx.layout.slice(cx.theta, &names[0])?, cx.layout.slice(cx.theta, &names[1])?];
        let [w0, w2] = [cx.layout.slice(cx.theta, &first.weight)?, cx.layout.slice(cx.theta, &second.weight)?];
        // The sum is linear, so it may follow the first projection.
        let z = cx.project(x, w0, None, first.inputs, first.outputs);
        let (sum, hidden) = (cx.rec.temp("sum", z.len), cx.rec.temp("hidden", z.len));
        graph::spmm(cx.rec, &g.a, g.weight, z, b0, sum, first.outputs, Spmm { own: self.own(), bias: true });
        map::unary(cx.rec, Unary::Relu, sum, hidden);
        let pattern = cx.pattern.take();
        let y = cx.project(hidden, w2, Some(b2), second.inputs, second.outputs);
        cx.pattern = pattern;
        let inner = Saved { floats: vec![hidden], ..Default::default() };
        Ok((y, Saved { floats: vec![x, sum], inner: vec![inner], ..Default::default() }))
    }

    fn backward(
        &self,
        cx: &mut Backward,
        saved: &Saved,
        dy: Buf<f32>,
        input: &[usize],
        need_dx: bool,
    ) -> Result<Option<Buf<f32>>> {
        let g = cx.structure(&self.name)?;
        let [first, second] = self.projections(input)?;
        let [b0, b2] = self.bias_names();
        cx.sink_bias(&b2, dy, second.outputs, 1)?;
        let Some(dhidden) = second.backward(cx, &saved.inner[0], dy, true)? else { return Ok(None) };
        let dsum = cx.rec.temp("dsum", dhidden.len);
        map::unary_bwd(cx.rec, Unary::Relu, saved.floats[1], saved.inner[0].floats[0], dhidden, dsum);
        cx.sink_bias(&b0, dsum, first.outputs, 1)?;
        let dz = cx.rec.temp("dz", dsum.len);
        graph::spmm(cx.rec, &g.t, g.weight, dsum, dsum, dz, first.outputs, Spmm { own: self.own(), bias: false });
        first.backward(cx, saved, dz, need_dx)
    }
}
