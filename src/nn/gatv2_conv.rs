//! `gatv2_conv`: attention that ranks neighbours for each node anew, with a matrix for either end of an edge.

use serde::{Deserialize, Serialize};

use super::edges::{EdgeMap, Fill, attention_spec, scores_back, walks, zeros};
use super::heads::{Affine, Heads, maps_backward};
use super::keys::Keys;
use super::layer::{Facts, Layer, LayerRow, SparseInput, settings, table};
use super::params::ParamSpec;
use super::pass::{Backward, Forward, Saved};
use super::project::Project;
use super::structure::{complete, node_features};
use crate::engine::Buf;
use crate::error::{Error, Result};
use crate::kernels::attention::{self, Ends};
use crate::kernels::map::{self, Curve, Unary};

pub static ROW: LayerRow = LayerRow {
    kind: "gatv2_conv",
    summary: "GATv2: y_i = Σ_j α_ij W_l x_j + b, α the softmax of att · leaky_relu(W_l x_j + W_r x_i + W_e e_ij) \
        (Brody et al. 2022, eq. 7); att, bias, lin_l, lin_r, lin_edge.weight",
    facts: Facts::MESSAGES,
    build: |t| {
        let layer: Gatv2Conv = settings(&ROW, t)?;
        layer.check()?;
        Ok(Box::new(layer))
    },
    keys: Keys::of::<Gatv2Conv>(),
    example: "type = \"gatv2_conv\"\nname = \"conv\"\nout = 5\nheads = 3\nedge_dim = 2",
    example_input: &[7],
};

#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct Gatv2Conv {
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
    /// Of the leaky relu inside the scores, where its argument is negative.
    #[serde(default = "fifth")]
    slope: f64,
    /// Share of the attention weights that is dropped in training.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0, "exclusiveMaximum" = 1)))]
    #[serde(default)]
    dropout: f64,
    /// Whether constants are added to both projections and to each output.
    #[serde(default = "yes")]
    bias: bool,
    /// Features of an edge, which take part in the scores; none if absent.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 1)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    edge_dim: Option<usize>,
    /// Features of the self-loop that every node gets: `mean` of its incoming edges', or `zero`.
    #[serde(default, skip_serializing_if = "Fill::is_mean")]
    fill_value: Fill,
    /// Whether one map serves both ends; its numbers stand under both names in files, as PyTorch Geometric has them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    share_weights: bool,
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

/// The ends of an edge: where messages come from, and where they go to.
const ENDS: [&str; 2] = ["lin_l", "lin_r"];

/// What the forward pass keeps behind x.
#[derive(Clone, Copy)]
struct Kept {
    /// The projection of the sources [n, heads, width].
    left: Buf<f32>,
    /// The arguments of the leaky relu [edges, heads, width], and what it makes of them.
    sums: Buf<f32>,
    leaky: Buf<f32>,
    /// [edges, heads], and zeros [n, heads].
    scores: Buf<f32>,
    none: Buf<f32>,
    /// The weights [edges, heads], and what dropout left of them.
    alpha: Buf<f32>,
    drawn: Buf<f32>,
}

impl Kept {
    fn of(saved: &Saved) -> Result<Kept> {
        match saved.floats[..] {
            [_, left, sums, leaky, scores, none, alpha, drawn] => {
                Ok(Kept { left, sums, leaky, scores, none, alpha, drawn })
            }
            _ => Err(Error::internal("a gatv2_conv kept other tensors than it needs")),
        }
    }
}

impl Gatv2Conv {
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

    /// The projections of the ends to all heads, one where both share it, and the width of a head.
    fn projections(&self, input: &[usize]) -> Result<(Vec<Affine>, usize)> {
        let (inputs, width) = node_features(ROW.kind, &self.name, input, self.out)?;
        let outputs = self.heads.saturating_mul(width);
        let of = |end| Affine {
            project: Project { weight: format!("{}.{end}.weight", self.name), inputs, outputs },
            bias: self.bias.then(|| format!("{}.{end}.bias", self.name)),
        };
        let ends = if self.share_weights { &ENDS[..1] } else { &ENDS[..] };
        Ok((ends.iter().map(of).collect(), width))
    }

    fn edges(&self, outputs: usize) -> Option<EdgeMap> {
        Some(EdgeMap::new(&self.name, self.edge_dim?, outputs, self.fill_value))
    }

    fn leaky(&self) -> Curve {
        Curve { op: Unary::LeakyRelu, a: self.slope as f32, b: 0.0 }
    }
}

impl Layer for Gatv2Conv {
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
        let (ends, width) = self.projections(input)?;
        Ok(vec![if self.concat { ends[0].project.outputs } else { width }])
    }

    fn params(&self, input: &[usize]) -> Result<Vec<ParamSpec>> {
        let (ends, width) = self.projections(input)?;
        let outputs = ends[0].project.outputs;
        let mut all = vec![attention_spec(format!("{}.att", self.name), self.heads, width)];
        if self.bias {
            all.push(ParamSpec::zeros(format!("{}.bias", self.name), self.out_shape(input)?));
        }
        all.extend(ends.iter().flat_map(Affine::specs));
        Ok(all.into_iter().chain(self.edges(outputs).map(|map| map.spec())).collect())
    }

    fn aliases(&self) -> Vec<(String, String)> {
        let parts = if self.bias { &["weight", "bias"][..] } else { &["weight"] };
        let of = |part: &&str| {
            let [left, right] = ENDS.map(|end| format!("{}.{end}.{part}", self.name));
            (right, left)
        };
        if self.share_weights { parts.iter().map(of).collect() } else { Vec::new() }
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
        let (projections, width) = self.projections(input)?;
        let (heads, outputs) = (self.heads, projections[0].project.outputs);
        let each = projections.iter().map(|end| end.forward(cx, x)).collect::<Result<Vec<_>>>()?;
        let (left, right) = (each[0], each[each.len() - 1]);
        let [a, _] = walks(cx.rec, &g);
        let sums = zeros(cx.rec, "sums of ends", g.edges * outputs);
        attention::spread(cx.rec, &a, Ends { src: left, dst: right }, sums, outputs);
        let mut saved = Saved::default();
        if let Some(map) = self.edges(outputs) {
            let (z, inner) = map.forward(cx, &g)?;
            map::axpby(cx.rec, 1.0, z, 1.0, sums);
            saved.inner.push(inner);
        }
        let leaky = cx.rec.temp("leaky relu", sums.len);
        map::unary(cx.rec, self.leaky(), sums, leaky);
        let [scores, alpha] = ["scores", "alpha"].map(|name| cx.rec.temp(name, g.edges * heads));
        attention::head_scores(cx.rec, leaky, cx.param(&self.name, "att")?, scores, heads, width);
        let none = zeros(cx.rec, "no scores", cx.n * heads);
        let own = a.themselves(cx.rec);
        // A self-loop always has a norm: every node attends to itself, and what was deleted has none.
        attention::edge_softmax(cx.rec, &own, g.sym, Ends { src: scores, dst: none }, alpha, heads, 1.0);
        let (drawn, stream) = self.heads_of(width).draw(cx, alpha)?;
        saved.stream = stream;
        let each = cx.rec.temp("y", left.len);
        attention::attend(cx.rec, &a, drawn, left, each, heads, width);
        let y = self.heads_of(width).join(cx, each);
        if self.bias {
            let bias = cx.param(&self.name, "bias")?;
            map::bias(cx.rec, y, bias, cx.n, bias.len, 1);
        }
        Ok((y, Saved { floats: vec![x, left, sums, leaky, scores, none, alpha, drawn], ..saved }))
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
        let (ends, width) = self.projections(input)?;
        let (heads, outputs) = (self.heads, ends[0].project.outputs);
        let kept = Kept::of(saved)?;
        if self.bias {
            cx.sink_bias(&format!("{}.bias", self.name), dy, self.out_shape(input)?[0], 1)?;
        }
        let each = self.heads_of(width).part(cx, dy);
        let [a, t] = walks(cx.rec, &g);
        let (own, dscores) = (a.themselves(cx.rec), self.scores_backward(cx, saved, [&a, &t], each, width)?);
        let name = format!("{}.att", self.name);
        let parts = cx.rec.temp("datt", kept.left.len);
        attention::attend(cx.rec, &own, dscores, kept.leaky, parts, heads, width);
        cx.sink_bias(&name, parts, outputs, 1)?;
        let att = cx.layout.slice(cx.theta, &name)?;
        let dleaky = scores_back(cx.rec, dscores, att, heads, width);
        let dsums = cx.rec.temp("dsums", dleaky.len);
        map::unary_bwd(cx.rec, self.leaky(), kept.sums, kept.leaky, dleaky, dsums);
        if let (Some(map), Some(inner)) = (self.edges(outputs), saved.inner.first()) {
            map.backward(cx, &g, inner, dsums)?;
        }
        let [dleft, through, dright] = ["dl", "dl by scores", "dr"].map(|name| cx.rec.temp(name, kept.left.len));
        attention::attend_bwd_z(cx.rec, &t, kept.drawn, each, dleft, heads, width);
        attention::gather(cx.rec, &t, dsums, through, outputs);
        map::axpby(cx.rec, 1.0, through, 1.0, dleft);
        attention::gather(cx.rec, &a, dsums, dright, outputs);
        if self.share_weights {
            // Sums of squares and norms are of the whole gradient of the one map.
            map::axpby(cx.rec, 1.0, dright, 1.0, dleft);
        }
        maps_backward(cx, saved, ends.iter().zip([dleft, dright]), need_dx)
    }
}

impl Gatv2Conv {
    /// Records the gradient of the scores [edges, heads] from that of the heads' rows; 0 on padding.
    fn scores_backward(
        &self,
        cx: &mut Backward,
        saved: &Saved,
        [a, t]: [&attention::Edges; 2],
        each: Buf<f32>,
        width: usize,
    ) -> Result<Buf<f32>> {
        let (kept, heads) = (Kept::of(saved)?, self.heads);
        let ddrawn = zeros(cx.rec, "ddrawn", kept.alpha.len);
        attention::attend_bwd_alpha(cx.rec, a, each, kept.left, ddrawn, heads, width);
        let dalpha = self.heads_of(width).undraw(cx, saved, ddrawn)?;
        let own = a.themselves(cx.rec);
        let (s, ends) = (Ends { src: kept.scores, dst: kept.none }, ["ds of sources", "ds of targets"]);
        let [src, dst] = ends.map(|name| cx.rec.temp(name, kept.none.len));
        attention::edge_softmax_bwd(cx.rec, &own, t, s, kept.alpha, dalpha, Ends { src, dst }, heads, 1.0);
        Ok(dalpha)
    }
}
