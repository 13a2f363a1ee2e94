//! `sage_conv`: a node's own features and an aggregate of its neighbours', each through a matrix of its own.

use serde::{Deserialize, Serialize};

use super::keys::Keys;
use super::layer::{Facts, Layer, LayerRow, SparseInput, settings, table};
use super::params::ParamSpec;
use super::pass::{Backward, Forward, Saved};
use super::project::Project;
use super::structure::{Structure, complete, node_features};
use crate::engine::Buf;
use crate::error::Result;
use crate::kernels::graph::{self, Spmm};
use crate::kernels::map::{self, Binary};

pub static ROW: LayerRow = LayerRow {
    kind: "sage_conv",
    summary: "GraphSAGE: y = aggr(x_j) W_lᵀ + b + x W_rᵀ, aggr mean or max (Hamilton et al. 2017); lin_l, lin_r",
    facts: Facts { linear: true, ..Facts::MESSAGES },
    build: |t| Ok(Box::new(settings::<SageConv>(&ROW, t)?)),
    keys: Keys::of::<SageConv>(),
    example: "type = \"sage_conv\"\nname = \"conv\"\nout = 5",
    example_input: &[7],
};

/// How neighbours are put together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
enum Aggregate {
    /// Their mean.
    #[default]
    Mean,
    /// The largest of each feature.
    Max,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct SageConv {
    /// Stem of its parameters' names; empty: made from its place.
    #[serde(default)]
    name: String,
    /// Outputs of a node; of the last layer, the number of classes if absent.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 1)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    out: Option<usize>,
    /// How neighbours are put together.
    #[serde(default)]
    aggr: Aggregate,
}

impl SageConv {
    /// Of the neighbours and of the node itself.
    fn projections(&self, input: &[usize]) -> Result<[Project; 2]> {
        let (inputs, outputs) = node_features(ROW.kind, &self.name, input, self.out)?;
        let of = |part: &str| Project { weight: format!("{}.{part}.weight", self.name), inputs, outputs };
        Ok([of("lin_l"), of("lin_r")])
    }

    fn bias_name(&self) -> String {
        format!("{}.lin_l.bias", self.name)
    }

    /// aggr(x) W_lᵀ, with what the backward pass needs of it.
    fn neighbours(&self, cx: &mut Forward, g: &Structure, x: Buf<f32>, l: &Project) -> Result<(Buf<f32>, Saved)> {
        let w = cx.layout.slice(cx.theta, &l.weight)?;
        let bias = cx.layout.slice(cx.theta, &self.bias_name())?;
        match self.aggr {
            Aggregate::Mean => {
                // The mean is linear, so it may follow the projection.
                let z = cx.project(x, w, None, l.inputs, l.outputs);
                let y = cx.rec.temp("y", z.len);
                graph::spmm(cx.rec, &g.a, g.mean, z, bias, y, l.outputs, Spmm { own: 0.0, bias: true });
                Ok((y, Saved::default()))
            }
            Aggregate::Max => {
                let rows = cx.rows(x, l.inputs);
                let (most, arg) = (cx.rec.temp("most", rows.len), cx.rec.temp("arg", rows.len));
                graph::aggregate_max(cx.rec, &g.a, g.weight, rows, most, arg, l.inputs);
                let pattern = cx.pattern.take();
                let y = cx.project(most, w, Some(bias), l.inputs, l.outputs);
                cx.pattern = pattern;
                Ok((y, Saved { floats: vec![most], words: vec![arg], ..Default::default() }))
            }
        }
    }
}

impl Layer for SageConv {
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
        Ok(vec![self.projections(input)?[0].outputs])
    }

    fn params(&self, input: &[usize]) -> Result<Vec<ParamSpec>> {
        let [l, r] = self.projections(input)?;
        Ok(vec![l.spec(), ParamSpec::zeros(self.bias_name(), vec![l.outputs]), r.spec()])
    }

    fn sparse(&self) -> SparseInput {
        SparseInput::Takes
    }

    fn hops(&self) -> usize {
        1
    }

    fn forward(&self, cx: &mut Forward, x: Buf<f32>, input: &[usize]) -> Result<(Buf<f32>, Saved)> {
        let g = cx.structure(&self.name)?;
        let [l, r] = self.projections(input)?;
        let (around, inner) = self.neighbours(cx, &g, x, &l)?;
        let w = cx.layout.slice(cx.theta, &r.weight)?;
        let own = cx.project(x, w, None, r.inputs, r.outputs);
        let y = cx.rec.temp("y", own.len);
        map::binary(cx.rec, Binary::Add, around, own, y);
        Ok((y, Saved { floats: vec![x], inner: vec![inner], ..Default::default() }))
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
        let [l, r] = self.projections(input)?;
        cx.sink_bias(&self.bias_name(), dy, l.outputs, 1)?;
        let around = match self.aggr {
            Aggregate::Mean => {
                let dz = cx.rec.temp("dz", dy.len);
                graph::spmm(cx.rec, &g.t, g.mean, dy, dy, dz, l.outputs, Spmm::default());
                l.backward(cx, saved, dz, need_dx)?
            }
            Aggregate::Max => {
                let dmost = l.backward(cx, &saved.inner[0], dy, need_dx)?;
                dmost.map(|dmost| {
                    let dx = cx.rec.temp("dx", dmost.len);
                    graph::max_bwd(cx.rec, &g.t, saved.inner[0].words[0], dmost, dx, l.inputs);
                    dx
                })
            }
        };
        let own = r.backward(cx, saved, dy, need_dx)?;
        let (Some(around), Some(own)) = (around, own) else { return Ok(None) };
        let dx = cx.rec.temp("dx", own.len);
        map::binary(cx.rec, Binary::Add, around, own, dx);
        Ok(Some(dx))
    }
}
