//! `cheb_conv`: a polynomial of the graph's Laplacian, a matrix for each of its Chebyshev terms.

use serde::{Deserialize, Serialize};

use super::keys::Keys;
use super::layer::{Facts, Layer, LayerRow, SparseInput, settings, table};
use super::params::ParamSpec;
use super::pass::{Backward, Forward, Saved};
use super::project::Project;
use super::structure::{MOST_HOPS, complete, node_features};
use crate::engine::Buf;
use crate::error::{Error, Result};
use crate::kernels::graph::{self, Spmm};
use crate::kernels::map;

pub static ROW: LayerRow = LayerRow {
    kind: "cheb_conv",
    summary: "ChebNet: y = Σ_k T_k(L̂) x W_kᵀ + b, k terms (Defferrard et al. 2016, eq. 4); lins.0.weight … [out, in], \
        bias",
    facts: Facts { linear: true, ..Facts::MESSAGES },
    build: |t| {
        let layer: ChebConv = settings(&ROW, t)?;
        match layer.k {
            k if !(1..=MOST_HOPS).contains(&k) => Err(Error::input(format!(
                "layer `cheb_conv`: k must be from 1 to {MOST_HOPS}, the terms of the polynomial; it is {k}"
            ))),
            _ => Ok(Box::new(layer)),
        }
    },
    keys: Keys::of::<ChebConv>(),
    example: "type = \"cheb_conv\"\nname = \"conv\"\nout = 5\nk = 4",
    example_input: &[7],
};

/// L̂ = −D^{-1/2} A D^{-1/2}: PyG's `ChebConv` with its symmetric normalisation, for which λ_max is 2. Self-loops take
/// no part.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct ChebConv {
    /// Stem of its parameters' names; empty: made from its place.
    #[serde(default)]
    name: String,
    /// Outputs of a node; of the last layer, the number of classes if absent.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 1)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    out: Option<usize>,
    /// Terms: a message travels k − 1 edges.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 1)))]
    #[serde(default = "three")]
    k: usize,
    /// Whether a constant is added to each output.
    #[serde(default = "yes")]
    bias: bool,
}

fn three() -> usize {
    3
}

fn yes() -> bool {
    true
}

impl ChebConv {
    /// The map of each term.
    fn projections(&self, input: &[usize]) -> Result<Vec<Project>> {
        let (inputs, outputs) = node_features(ROW.kind, &self.name, input, self.out)?;
        let of = |term| Project { weight: format!("{}.lins.{term}.weight", self.name), inputs, outputs };
        Ok((0..self.k).map(of).collect())
    }

    fn bias_name(&self) -> String {
        format!("{}.bias", self.name)
    }
}

impl Layer for ChebConv {
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
        let terms = self.projections(input)?;
        let bias = self.bias.then(|| ParamSpec::zeros(self.bias_name(), vec![terms[0].outputs]));
        Ok(terms.iter().map(Project::spec).chain(bias).collect())
    }

    fn sparse(&self) -> SparseInput {
        SparseInput::Takes
    }

    fn hops(&self) -> usize {
        self.k - 1
    }

    /// By Clenshaw's recurrence b_k = z_k + 2 L̂ b_{k+1} − b_{k+2} over the projected features z_k = x W_kᵀ, so that
    /// sparse features never become dense rows and messages are as short as the output.
    fn forward(&self, cx: &mut Forward, x: Buf<f32>, input: &[usize]) -> Result<(Buf<f32>, Saved)> {
        let g = cx.structure(&self.name)?;
        let (terms, bias) = (self.projections(input)?, self.bias_name());
        let bias = if self.bias { Some(cx.layout.slice(cx.theta, &bias)?) } else { None };
        let mut z = Vec::new();
        for (k, term) in terms.iter().enumerate() {
            let w = cx.layout.slice(cx.theta, &term.weight)?;
            z.push(cx.project(x, w, bias.filter(|_| k == 0), term.inputs, term.outputs));
        }
        let lap = cx.rec.temp("laplacian", g.edges);
        if self.k > 1 {
            graph::laplacian(cx.rec, &g.a, g.weight, g.sym, lap);
        }
        for k in (0..self.k - 1).rev() {
            let message = cx.rec.temp("message", z[k].len);
            graph::spmm(cx.rec, &g.a, lap, z[k + 1], z[k + 1], message, terms[k].outputs, Spmm::default());
            map::axpby(cx.rec, if k == 0 { 1.0 } else { 2.0 }, message, 1.0, z[k]);
            if let Some(after) = z.get(k + 2) {
                map::axpby(cx.rec, -1.0, *after, 1.0, z[k]);
            }
        }
        Ok((z[0], Saved { floats: vec![x, lap], ..Default::default() }))
    }

    /// dz_k = T_k(L̂ᵀ) dy by the polynomials' own recurrence.
    fn backward(
        &self,
        cx: &mut Backward,
        saved: &Saved,
        dy: Buf<f32>,
        input: &[usize],
        need_dx: bool,
    ) -> Result<Option<Buf<f32>>> {
        let g = cx.structure(&self.name)?;
        if self.bias {
            cx.sink_bias(&self.bias_name(), dy, self.projections(input)?[0].outputs, 1)?;
        }
        let mut dz: Vec<Buf<f32>> = Vec::new();
        let mut dx = None;
        for (k, term) in self.projections(input)?.iter().enumerate() {
            let mut here = dy;
            if let Some(before) = dz.last() {
                here = cx.rec.temp("dz", dy.len);
                graph::spmm(cx.rec, &g.t, saved.floats[1], *before, *before, here, term.outputs, Spmm::default());
            }
            if k > 1 {
                map::axpby(cx.rec, -1.0, dz[k - 2], 2.0, here);
            }
            dz.push(here);
            if let Some(part) = term.backward(cx, saved, here, need_dx)? {
                match dx {
                    Some(dx) => map::axpby(cx.rec, 1.0, part, 1.0, dx),
                    None => dx = Some(part),
                }
            }
        }
        Ok(dx)
    }
}
