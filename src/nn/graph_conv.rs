//! `graph_conv` and `sgc`: messages weighted by Â = D^{-1/2} (A + I) D^{-1/2}, the degrees D counting the self-loop.

use serde::{Deserialize, Serialize};

use super::keys::Keys;
use super::layer::{Facts, Layer, LayerRow, SparseInput, settings, table};
use super::params::ParamSpec;
use super::pass::{Backward, Forward, Saved};
use super::project::Project;
use super::structure::{MOST_HOPS, complete, node_features};
use crate::engine::Buf;
use crate::error::{Error, Result};
use crate::kernels::graph::{self, Csr, Drop, Spmm};
use crate::kernels::map;

pub static GCN: LayerRow = LayerRow {
    kind: "graph_conv",
    summary: "GCN: y = Â x Wᵀ + b (Kipf & Welling 2017); lin.weight [out, in], bias",
    facts: Facts { linear: true, edge_gradients: true, edge_weights: true, ..Facts::MESSAGES },
    build: |t| Ok(Box::new(GraphConv::of(settings::<GcnSettings>(&GCN, t)?))),
    keys: Keys::of::<GcnSettings>(),
    example: "type = \"graph_conv\"\nname = \"conv\"\nout = 5",
    example_input: &[7],
};

pub static SGC: LayerRow = LayerRow {
    kind: "sgc",
    summary: "SGC: y = Âᵏ x Wᵀ + b (Wu et al. 2019); lin.weight [out, in], lin.bias",
    facts: Facts { linear: true, edge_gradients: true, edge_weights: true, ..Facts::MESSAGES },
    build: |t| {
        let settings: SgcSettings = settings(&SGC, t)?;
        match settings.k {
            k if !(1..=MOST_HOPS).contains(&k) => Err(Error::input(format!(
                "layer `sgc`: k must be from 1 to {MOST_HOPS}, the hops that features are spread; it is {k}"
            ))),
            _ => Ok(Box::new(GraphConv::of(settings))),
        }
    },
    keys: Keys::of::<SgcSettings>(),
    example: "type = \"sgc\"\nname = \"conv\"\nout = 5\nk = 3",
    example_input: &[7],
};

#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct GcnSettings {
    /// Stem of its parameters' names; empty: made from its place.
    #[serde(default)]
    name: String,
    /// Outputs of a node; of the last layer, the number of classes if absent.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 1)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    out: Option<usize>,
    /// Whether a constant is added to each output.
    #[serde(default = "yes")]
    bias: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct SgcSettings {
    /// Stem of its parameters' names; empty: made from its place.
    #[serde(default)]
    name: String,
    /// Outputs of a node; of the last layer, the number of classes if absent.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 1)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    out: Option<usize>,
    /// Whether a constant is added to each output.
    #[serde(default = "yes")]
    bias: bool,
    /// Hops that features are spread.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 1)))]
    #[serde(default = "two")]
    k: usize,
}

fn yes() -> bool {
    true
}

fn two() -> usize {
    2
}

/// Both: `k` times Â, and where the bias lives.
#[derive(Clone)]
struct GraphConv {
    row: &'static LayerRow,
    name: String,
    out: Option<usize>,
    bias: bool,
    k: usize,
    bias_name: &'static str,
}

impl From<GcnSettings> for GraphConv {
    fn from(s: GcnSettings) -> GraphConv {
        GraphConv { row: &GCN, name: s.name, out: s.out, bias: s.bias, k: 1, bias_name: "bias" }
    }
}

impl From<SgcSettings> for GraphConv {
    fn from(s: SgcSettings) -> GraphConv {
        GraphConv { row: &SGC, name: s.name, out: s.out, bias: s.bias, k: s.k, bias_name: "lin.bias" }
    }
}

impl GraphConv {
    fn of(settings: impl Into<GraphConv>) -> GraphConv {
        settings.into()
    }

    fn projection(&self, input: &[usize]) -> Result<Project> {
        let (inputs, outputs) = node_features(self.row.kind, &self.name, input, self.out)?;
        Ok(Project { weight: format!("{}.lin.weight", self.name), inputs, outputs })
    }

    fn bias_name(&self) -> String {
        format!("{}.{}", self.name, self.bias_name)
    }
}

impl Layer for GraphConv {
    fn row(&self) -> &'static LayerRow {
        self.row
    }

    fn config(&self) -> toml::Table {
        let GraphConv { name, out, bias, k, .. } = self.clone();
        match std::ptr::eq(self.row, &SGC) {
            true => table(self.row, &SgcSettings { name, out, bias, k }),
            false => table(self.row, &GcnSettings { name, out, bias }),
        }
    }

    fn complete(&mut self, index: usize, classes: Option<usize>) {
        complete(&mut self.name, &mut self.out, index, classes);
    }

    fn out_shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        Ok(vec![self.projection(input)?.outputs])
    }

    fn params(&self, input: &[usize]) -> Result<Vec<ParamSpec>> {
        let project = self.projection(input)?;
        let bias = self.bias.then(|| ParamSpec::zeros(self.bias_name(), vec![project.outputs]));
        // PyTorch Geometric lists a GCN's bias before its weight; names decide on loading, so one order serves.
        Ok(std::iter::once(project.spec()).chain(bias).collect())
    }

    fn sparse(&self) -> SparseInput {
        SparseInput::Takes
    }

    fn takes_relu(&self) -> bool {
        true
    }

    fn hops(&self) -> usize {
        self.k
    }

    fn forward(&self, cx: &mut Forward, x: Buf<f32>, input: &[usize]) -> Result<(Buf<f32>, Saved)> {
        let g = cx.structure(&self.name)?;
        let project = self.projection(input)?;
        let bias = if self.bias { Some(cx.layout.slice(cx.theta, &self.bias_name())?) } else { None };
        let w = cx.layout.slice(cx.theta, &project.weight)?;
        // Â (x Wᵀ), not (Â x) Wᵀ: the sparse features never become dense rows, and the messages are short.
        let mut y = cx.project(x, w, None, project.inputs, project.outputs);
        let mut floats = vec![x];
        for hop in 1..=self.k {
            let (z, bias) = (y, bias.filter(|_| hop == self.k));
            floats.push(z);
            y = cx.rec.temp("y", z.len);
            if hop == self.k && relu(cx, &g.a, g.sym, z, bias, y, project.outputs)? {
                break;
            }
            let how = Spmm { own: 0.0, bias: bias.is_some() };
            graph::spmm(cx.rec, &g.a, g.sym, z, bias.unwrap_or(w), y, project.outputs, how);
        }
        Ok((y, Saved { floats, ..Default::default() }))
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
        let project = self.projection(input)?;
        if self.bias {
            cx.sink_bias(&self.bias_name(), dy, project.outputs, 1)?;
        }
        let w = cx.layout.slice(cx.theta, &project.weight)?;
        let mut dz = dy;
        for hop in (1..=self.k).rev() {
            let dy = dz;
            if let Some(slope) = g.slope {
                let part = cx.rec.temp("slope", slope.len);
                graph::sddmm(cx.rec, &g.a, dy, saved.floats[hop], part, project.outputs);
                map::axpby(cx.rec, 1.0, part, 1.0, slope);
            }
            dz = cx.rec.temp("dz", dy.len);
            graph::spmm(cx.rec, &g.t, g.sym, dy, w, dz, project.outputs, Spmm::default());
        }
        project.backward(cx, saved, dz, need_dx)
    }
}

/// Records the layer's last product with the relu behind it, if one is offered and the product's form can.
fn relu(
    cx: &mut Forward,
    a: &Csr,
    sym: Buf<f32>,
    z: Buf<f32>,
    bias: Option<Buf<f32>>,
    y: Buf<f32>,
    cols: usize,
) -> Result<bool> {
    let Some(form) = graph::takes_relu(cx.rec.target(), a, cols) else { return Ok(false) };
    let Some(behind) = cx.relu.take() else { return Ok(false) };
    let drop = match behind.dropout {
        Some(rate) => {
            let (stream, step) = cx.dropout_stream()?;
            Some(Drop { rate, stream, step })
        }
        None => None,
    };
    graph::spmm_relu(cx.rec, form, a, sym, z, bias, y, cols, drop);
    Ok(true)
}
