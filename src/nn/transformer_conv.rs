//! `transformer_conv`: attention by inner products of queries and keys along the edges.

use serde::{Deserialize, Serialize};

use super::edges::{walks, zeros};
use super::heads::{Affine, Heads, maps_backward};
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
    kind: "transformer_conv",
    summary: "graph transformer: y_i = Σ_j α_ij W_v x_j + W_s x_i, α the softmax of W_q x_i · W_k x_j / √out over the \
        edges (Shi et al. 2021, eq. 3 and 4); lin_key, lin_query, lin_value, lin_skip",
    facts: Facts::MESSAGES,
    build: |t| {
        let layer: TransformerConv = settings(&ROW, t)?;
        layer.check()?;
        Ok(Box::new(layer))
    },
    keys: Keys::of::<TransformerConv>(),
    example: "type = \"transformer_conv\"\nname = \"conv\"\nout = 5\nheads = 2",
    example_input: &[7],
};

#[derive(Clone, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct TransformerConv {
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
    /// Share of the attention weights that is dropped in training.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0, "exclusiveMaximum" = 1)))]
    #[serde(default)]
    dropout: f64,
    /// Whether constants are added to the four projections.
    #[serde(default = "yes")]
    bias: bool,
}

fn one() -> usize {
    1
}

fn yes() -> bool {
    true
}

/// The maps of a node's features, in PyTorch Geometric's order.
const MAPS: [&str; 4] = ["lin_key", "lin_query", "lin_value", "lin_skip"];

/// What the forward pass keeps behind x.
#[derive(Clone, Copy)]
struct Kept {
    /// [n, heads, width].
    key: Buf<f32>,
    query: Buf<f32>,
    value: Buf<f32>,
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
            [_, key, query, value, scores, none, alpha, drawn] => {
                Ok(Kept { key, query, value, scores, none, alpha, drawn })
            }
            _ => Err(Error::internal("a transformer_conv kept other tensors than it needs")),
        }
    }
}

impl TransformerConv {
    fn check(&self) -> Result<()> {
        Heads::check(ROW.kind, &self.name, self.heads, self.dropout, &[])
    }

    fn heads_of(&self, width: usize) -> Heads {
        Heads { count: self.heads, width, concat: self.concat, dropout: self.dropout }
    }

    /// The maps, and the width of a head.
    fn projections(&self, input: &[usize]) -> Result<([Affine; 4], usize)> {
        let (inputs, width) = node_features(ROW.kind, &self.name, input, self.out)?;
        let all = self.heads.saturating_mul(width);
        let outputs = |map| if map == "lin_skip" && !self.concat { width } else { all };
        let of = |map| Affine {
            project: Project { weight: format!("{}.{map}.weight", self.name), inputs, outputs: outputs(map) },
            bias: self.bias.then(|| format!("{}.{map}.bias", self.name)),
        };
        Ok((MAPS.map(of), width))
    }

    /// Records x / √width.
    fn scaled(rec: &mut Recording, x: Buf<f32>, width: usize) -> Buf<f32> {
        let y = rec.temp("scaled", x.len);
        map::axpby(rec, 1.0 / (width as f32).sqrt(), x, 0.0, y);
        y
    }
}

impl Layer for TransformerConv {
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
        Ok(vec![self.projections(input)?.0[3].project.outputs])
    }

    fn params(&self, input: &[usize]) -> Result<Vec<ParamSpec>> {
        Ok(self.projections(input)?.0.iter().flat_map(Affine::specs).collect())
    }

    fn sparse(&self) -> SparseInput {
        SparseInput::Takes
    }

    fn hops(&self) -> usize {
        1
    }

    fn forward(&self, cx: &mut Forward, x: Buf<f32>, input: &[usize]) -> Result<(Buf<f32>, Saved)> {
        let g = cx.structure(&self.name)?;
        let (maps, width) = self.projections(input)?;
        let heads = self.heads;
        let [key, query, value, skip] = maps.each_ref().map(|to| to.forward(cx, x));
        let (key, query, value, skip) = (key?, query?, value?, skip?);
        let [a, _] = walks(cx.rec, &g);
        let products = zeros(cx.rec, "products", g.edges * heads);
        // An edge's inner product of what its two ends have is that of a gradient and its source elsewhere.
        attention::attend_bwd_alpha(cx.rec, &a, query, key, products, heads, width);
        let scores = TransformerConv::scaled(cx.rec, products, width);
        let (alpha, none) = (cx.rec.temp("alpha", scores.len), zeros(cx.rec, "no scores", cx.n * heads));
        let own = a.themselves(cx.rec);
        attention::edge_softmax(cx.rec, &own, g.weight, Ends { src: scores, dst: none }, alpha, heads, 1.0);
        let (drawn, stream) = self.heads_of(width).draw(cx, alpha)?;
        let each = cx.rec.temp("y", value.len);
        attention::attend(cx.rec, &a, drawn, value, each, heads, width);
        let y = self.heads_of(width).join(cx, each);
        map::axpby(cx.rec, 1.0, skip, 1.0, y);
        let floats = vec![x, key, query, value, scores, none, alpha, drawn];
        Ok((y, Saved { floats, stream, ..Default::default() }))
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
        let (maps, width) = self.projections(input)?;
        let (heads, kept) = (self.heads, Kept::of(saved)?);
        let each = self.heads_of(width).part(cx, dy);
        let [a, t] = walks(cx.rec, &g);
        let ddrawn = zeros(cx.rec, "ddrawn", kept.alpha.len);
        attention::attend_bwd_alpha(cx.rec, &a, each, kept.value, ddrawn, heads, width);
        let dalpha = self.heads_of(width).undraw(cx, saved, ddrawn)?;
        let (own, s) = (a.themselves(cx.rec), Ends { src: kept.scores, dst: kept.none });
        let [src, dst] = ["ds of sources", "ds of targets"].map(|name| cx.rec.temp(name, kept.none.len));
        attention::edge_softmax_bwd(cx.rec, &own, &t, s, kept.alpha, dalpha, Ends { src, dst }, heads, 1.0);
        let ds = TransformerConv::scaled(cx.rec, dalpha, width);
        let [dkey, dquery, dvalue] = ["dk", "dq", "dv"].map(|name| cx.rec.temp(name, kept.value.len));
        attention::attend_bwd_z(cx.rec, &t, ds, kept.query, dkey, heads, width);
        attention::attend(cx.rec, &a, ds, kept.key, dquery, heads, width);
        attention::attend_bwd_z(cx.rec, &t, kept.drawn, each, dvalue, heads, width);
        maps_backward(cx, saved, maps.iter().zip([dkey, dquery, dvalue, dy]), need_dx)
    }
}
