//! What layers with attention make of edges: their features through a matrix, and scores that are each edge's own.

use serde::{Deserialize, Serialize};

use super::params::{Init, ParamSpec};
use super::pass::{Backward, Forward, Saved};
use super::project::Project;
use super::structure::{EdgeFeatures, Segments, Structure};
use crate::engine::{Buf, Recording};
use crate::error::{Error, Result};
use crate::kernels::attention::{self, Edges, Ends};
use crate::kernels::{graph, map};

/// Features of the self-loop that every node gets, as PyTorch Geometric's `fill_value`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(super) enum Fill {
    /// The mean of those of the node's incoming edges.
    #[default]
    Mean,
    /// 0.
    Zero,
}

impl Fill {
    pub fn is_mean(&self) -> bool {
        *self == Fill::Mean
    }
}

/// The structure as the attention kernels walk it, by target and by source.
pub(super) fn walks(rec: &mut Recording, g: &Structure) -> [Edges; 2] {
    [g.a, g.t].map(|m| Edges::new(rec, m.ptr, m.idx, m.perm, g.max_degree))
}

/// A temporary of zeros.
pub(super) fn zeros(rec: &mut Recording, name: &str, len: usize) -> Buf<f32> {
    let buf = rec.temp(name, len);
    rec.clear(buf);
    buf
}

/// Records `dz[e,h,:] = ds[e,h] att[h,:]`: the gradient of each edge's inner product with `att` [heads, width].
pub(super) fn scores_back(rec: &mut Recording, ds: Buf<f32>, att: Buf<f32>, heads: usize, width: usize) -> Buf<f32> {
    let dz = zeros(rec, "dz of edges", ds.len * width);
    // The kernel takes two ends; an edge has one here.
    let none = zeros(rec, "no scores", ds.len);
    attention::head_scores_bwd(rec, Ends { src: ds, dst: none }, Ends { src: att, dst: att }, dz, heads, width);
    dz
}

/// The map `lin_edge` of the features of edges to all heads, without bias.
pub(super) struct EdgeMap {
    layer: String,
    project: Project,
    fill: Fill,
}

impl EdgeMap {
    /// Of a layer that reads so many features.
    pub fn new(layer: &str, inputs: usize, outputs: usize, fill: Fill) -> EdgeMap {
        let project = Project { weight: format!("{layer}.lin_edge.weight"), inputs, outputs };
        EdgeMap { layer: layer.to_owned(), project, fill }
    }

    pub fn spec(&self) -> ParamSpec {
        self.project.spec()
    }

    /// Records what the map makes of every edge [edges, outputs]; keeps the features.
    pub fn forward(&self, cx: &mut Forward, g: &Structure) -> Result<(Buf<f32>, Saved)> {
        let Project { inputs, outputs, .. } = self.project;
        let Some(EdgeFeatures { values, width }) = g.features.filter(|f| f.width == inputs) else {
            let there = g.features.map_or(0, |f| f.width);
            return Err(Error::input(format!(
                "the layer `{}` has edge_dim = {inputs}, but edges have {there} features here (data.edge_features)",
                self.layer
            )));
        };
        let filled = cx.rec.temp("features of edges", values.len);
        graph::loop_rows(cx.rec, &g.a, g.weight, values, filled, width, self.fill.is_mean());
        let w = cx.layout.slice(cx.theta, &self.project.weight)?;
        let (pattern, n) = (cx.pattern.take(), std::mem::replace(&mut cx.n, g.edges));
        let z = cx.project(filled, w, None, inputs, outputs);
        (cx.pattern, cx.n) = (pattern, n);
        Ok((z, Saved { floats: vec![filled], ..Default::default() }))
    }

    /// Sends the weight's gradient to the sink, of dz [edges, outputs]; rows of padding in it are 0.
    pub fn backward(&self, cx: &mut Backward, g: &Structure, saved: &Saved, dz: Buf<f32>) -> Result<()> {
        let Project { weight, inputs, outputs } = &self.project;
        let (nodes, segments) = (cx.n, cx.segments);
        cx.segments = segments.map(|records| {
            // Edges lie by target, so those of a record's nodes follow each other.
            let ptr = cx.rec.temp("edges of records", records.ptr.len);
            map::gather_words(cx.rec, g.a.ptr, records.ptr, ptr);
            Segments { ptr, longest: g.edges, ..records }
        });
        cx.n = g.edges;
        let sunk = cx.sink_dense(weight, saved, dz, *inputs, *outputs);
        (cx.n, cx.segments) = (nodes, segments);
        sunk
    }
}

/// A vector of attention [1, heads, width].
pub(super) fn attention_spec(name: String, heads: usize, width: usize) -> ParamSpec {
    ParamSpec { name, shape: vec![1, heads, width], init: Init::GlorotUniform { fan_in: heads, fan_out: width } }
}
