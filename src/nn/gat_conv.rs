//! `gat_conv`: a node's neighbours, weighted by attention that the layer learns, under several heads.

use serde::{Deserialize, Serialize};

use super::edges::{EdgeMap, Fill, attention_spec, scores_back, walks, zeros};
use super::heads::Heads;
use super::keys::Keys;
use super::layer::{Facts, Layer, LayerRow, SparseInput, settings, table};
use super::params::ParamSpec;
use super::pass::{Backward, Forward, Saved};
use super::project::Project;
use super::structure::{complete, node_features};
use crate::engine::{Buf, Recording};
use crate::error::{Error, Result};
use crate::kernels::attention::{self, Ends};
use crate::kernels::map;

pub static ROW: LayerRow = LayerRow {
    kind: "gat_conv",
    summary: "GAT: y_i = Σ_j α_ij W x_j + b under each of `heads` (Veličković et al. 2018), with features of edges in \
        the scores; lin.weight, att_src, att_dst, bias, lin_edge.weight, att_edge",
    facts: Facts::MESSAGES,
    build: |t| {
        let layer: GatConv = settings(&ROW, t)?;
        layer.check()?;
        Ok(Box::new(layer))
    },
    keys: Keys::of::<GatConv>(),
    example: "type = \"gat_conv\"\nname = \"conv\"\nout = 5\nheads = 3",
    example_input: &[7],
};

#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct GatConv {
    /// Stem of its parameters' names; empty: made from its place.
    #[serde(default)]
    name: String,
    /// Width of a head.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 1)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    out: Option<usize>,
    /// Attentions side by side.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 1)))]
    #[serde(default = "one")]
    heads: usize,
    /// Heads side by side; else their mean.
    #[serde(default = "yes")]
    concat: bool,
    /// Of the leaky relu of the scores, where they are negative.
    #[serde(default = "fifth")]
    slope: f64,
    /// Share of the attention weights that is dropped in training.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0, "exclusiveMaximum" = 1)))]
    #[serde(default)]
    dropout: f64,
    /// Whether a constant is added to each output.
    #[serde(default = "yes")]
    bias: bool,
    /// Features of an edge, which take part in the scores; none if absent.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 1)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    edge_dim: Option<usize>,
    /// Features of the self-loop that every node gets: `mean` of its incoming edges', or `zero`.
    #[serde(default, skip_serializing_if = "Fill::is_mean")]
    fill_value: Fill,
}

fn one() -> usize {
    1
}

fn yes() -> bool {
    true
}

fn fifth() -> f64 {
    0.2
}

impl GatConv {
    fn check(&self) -> Result<()> {
        let rules = [
            ((self.slope as f32).is_finite(), "slope must be a finite number of 32 bits"),
            (self.edge_dim != Some(0), "edge_dim must be 1 or more, the features of an edge"),
        ];
        Heads::check(ROW.kind, &self.name, self.heads, self.dropout, &rules)
    }

    fn heads_of(&self, width: usize) -> Heads {
        Heads { count: self.heads, width, concat: self.concat, dropout: self.dropout }
    }

    /// The projection to all heads, and the width of one.
    fn projection(&self, input: &[usize]) -> Result<(Project, usize)> {
        let (inputs, width) = node_features(ROW.kind, &self.name, input, self.out)?;
        let weight = format!("{}.lin.weight", self.name);
        Ok((Project { weight, inputs, outputs: self.heads.saturating_mul(width) }, width))
    }

    fn attention_names(&self) -> [String; 2] {
        ["att_src", "att_dst"].map(|end| format!("{}.{end}", self.name))
    }

    /// What it makes of the features of edges, where it reads them, and the name of their attention.
    fn edges(&self, outputs: usize) -> Option<(EdgeMap, String)> {
        let map = EdgeMap::new(&self.name, self.edge_dim?, outputs, self.fill_value);
        Some((map, format!("{}.att_edge", self.name)))
    }

    fn ends(&self, param: impl Fn(&str, &str) -> Result<Buf<f32>>) -> Result<Ends> {
        Ok(Ends { src: param(&self.name, "att_src")?, dst: param(&self.name, "att_dst")? })
    }
}

fn pair(rec: &mut Recording, name: &str, len: usize) -> Ends {
    Ends { src: rec.temp(name, len), dst: rec.temp(name, len) }
}

impl Layer for GatConv {
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
        let (project, width) = self.projection(input)?;
        Ok(vec![if self.concat { project.outputs } else { width }])
    }

    fn params(&self, input: &[usize]) -> Result<Vec<ParamSpec>> {
        let (project, width) = self.projection(input)?;
        let (map, of_edges) = self.edges(project.outputs).unzip();
        let attention = self.attention_names().into_iter().chain(of_edges);
        let bias = ParamSpec::zeros(format!("{}.bias", self.name), self.out_shape(input)?);
        let all = attention.map(|name| attention_spec(name, self.heads, width)).chain(self.bias.then_some(bias));
        Ok(all.chain([project.spec()]).chain(map.map(|map| map.spec())).collect())
    }

    fn sparse(&self) -> SparseInput {
        SparseInput::Takes
    }

    fn hops(&self) -> usize {
        1
    }

    fn edge_dim(&self) -> Option<usize> {
        self.edge_dim
    }

    fn forward(&self, cx: &mut Forward, x: Buf<f32>, input: &[usize]) -> Result<(Buf<f32>, Saved)> {
        let g = cx.structure(&self.name)?;
        let (project, width) = self.projection(input)?;
        let heads = self.heads;
        let w = cx.layout.slice(cx.theta, &project.weight)?;
        let att = self.ends(|layer, part| cx.param(layer, part))?;
        let z = cx.project(x, w, None, project.inputs, project.outputs);
        let [a, _] = walks(cx.rec, &g);
        let (mut s, alpha) = (pair(cx.rec, "scores", cx.n * heads), cx.rec.temp("alpha", g.edges * heads));
        attention::head_scores(cx.rec, z, att.src, s.src, heads, width);
        attention::head_scores(cx.rec, z, att.dst, s.dst, heads, width);
        let (mut saved, mut scored) = (Saved::default(), a);
        if let Some((map, name)) = self.edges(project.outputs) {
            let (z, mut inner) = map.forward(cx, &g)?;
            let (att, of_edges) = (cx.layout.slice(cx.theta, &name)?, cx.rec.temp("scores of edges", alpha.len));
            attention::head_scores(cx.rec, z, att, of_edges, heads, width);
            let sums = zeros(cx.rec, "scores", alpha.len);
            attention::spread(cx.rec, &a, s, sums, heads);
            map::axpby(cx.rec, 1.0, of_edges, 1.0, sums);
            inner.floats.push(z);
            saved.inner.push(inner);
            s = Ends { src: sums, dst: zeros(cx.rec, "no scores", s.dst.len) };
            scored = a.themselves(cx.rec);
        }
        // A self-loop always has a norm: every node attends to itself, and what was deleted has none.
        attention::edge_softmax(cx.rec, &scored, g.sym, s, alpha, heads, self.slope as f32);
        let (kept, stream) = self.heads_of(width).draw(cx, alpha)?;
        saved.stream = stream;
        let each = cx.rec.temp("y", z.len);
        attention::attend(cx.rec, &a, kept, z, each, heads, width);
        let y = self.heads_of(width).join(cx, each);
        if self.bias {
            let bias = cx.param(&self.name, "bias")?;
            map::bias(cx.rec, y, bias, cx.n, bias.len, 1);
        }
        Ok((y, Saved { floats: vec![x, z, s.src, s.dst, alpha, kept], ..saved }))
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
        let (project, width) = self.projection(input)?;
        let heads = self.heads;
        let &[_, z, src, dst, alpha, kept] = &saved.floats[..] else {
            return Err(Error::internal("a gat_conv kept other tensors than it needs"));
        };
        if self.bias {
            cx.sink_bias(&format!("{}.bias", self.name), dy, self.out_shape(input)?[0], 1)?;
        }
        let each = self.heads_of(width).part(cx, dy);
        let [a, t] = walks(cx.rec, &g);
        let dkept = cx.rec.temp("dkept", alpha.len);
        if self.edge_dim.is_some() {
            // Rows of padding stay 0: the gradients of scores become rows for a sink.
            cx.rec.clear(dkept);
        }
        attention::attend_bwd_alpha(cx.rec, &a, each, z, dkept, heads, width);
        let dalpha = self.heads_of(width).undraw(cx, saved, dkept)?;
        let (ds, dz) = (pair(cx.rec, "dscores", dst.len), cx.rec.temp("dz", z.len));
        let scored = if self.edge_dim.is_some() { a.themselves(cx.rec) } else { a };
        attention::edge_softmax_bwd(
            cx.rec,
            &scored,
            &t,
            Ends { src, dst },
            alpha,
            dalpha,
            ds,
            heads,
            self.slope as f32,
        );
        attention::attend_bwd_z(cx.rec, &t, kept, each, dz, heads, width);
        let att = self.ends(|layer, part| cx.param(layer, part))?;
        attention::head_scores_bwd(cx.rec, ds, att, dz, heads, width);
        for (name, ds) in self.attention_names().iter().zip([ds.src, ds.dst]) {
            // Row n is node n's part of the gradient, so that every sink can group them.
            let parts = cx.rec.temp("datt", z.len);
            attention::scale_heads(cx.rec, z, ds, parts, width);
            cx.sink_bias(name, parts, project.outputs, 1)?;
        }
        if let (Some((map, name)), Some(inner)) = (self.edges(project.outputs), saved.inner.first()) {
            let parts = cx.rec.temp("datt", z.len);
            attention::attend(cx.rec, &scored, dalpha, inner.floats[1], parts, heads, width);
            cx.sink_bias(&name, parts, project.outputs, 1)?;
            let att = cx.layout.slice(cx.theta, &name)?;
            let dz = scores_back(cx.rec, dalpha, att, heads, width);
            map.backward(cx, &g, inner, dz)?;
        }
        project.backward(cx, saved, dz, need_dx)
    }
}
