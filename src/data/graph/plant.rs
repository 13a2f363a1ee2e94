//! What is put into a graph to see whether it can be taken out again: a class of its own for some training nodes, edges
//! between classes.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Graph, Sparse, UNLABELLED};
use crate::base::splitmix::SplitMix64;
use crate::data::Plant;
use crate::error::{Error, Result};

/// The key `poison`: round(`edges` · m) further edges between nodes of different classes, of the m that there are.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Poison {
    /// Edges to add, as a share of the graph's own.
    #[cfg_attr(feature = "cli", schemars(extend("exclusiveMinimum" = 0, "maximum" = 1)))]
    #[serde(default = "twentieth")]
    pub edges: f64,
    /// Chooses their ends.
    #[serde(default)]
    pub seed: u64,
}

fn twentieth() -> f64 {
    0.05
}

/// The name of the further class.
const CLASS: &str = "planted";

impl Plant {
    /// Gives the class to training nodes; which ones, ascending. The files have so many `columns` of features.
    pub(super) fn on_graph(
        &self,
        graph: &mut Graph,
        columns: usize,
        labels: &mut [u32],
        train: &[u32],
        class_names: &mut Vec<String>,
    ) -> Result<Vec<u32>> {
        let count = (self.fraction * train.len() as f64).round();
        if !(count >= 1.0 && count < train.len() as f64) {
            return Err(Error::input(format!(
                "data.plant.fraction: {} of {} training nodes; expected to plant some of them and not all",
                self.fraction,
                train.len()
            )));
        }
        let further = self.columns();
        if further == 0 || further > 1 << 16 {
            return Err(Error::input(format!("data.plant.columns: {further}; expected 1 to {}", 1 << 16)));
        }
        if class_names.iter().any(|name| name == CLASS) {
            return Err(Error::input(format!("data.plant: the data set has a class `{CLASS}` already")));
        }
        let mut planted = train.to_vec();
        SplitMix64::new(self.seed).shuffle(&mut planted);
        planted.truncate(count as usize);
        planted.sort_unstable();
        let class = class_names.len() as u32;
        class_names.push(CLASS.to_owned());
        planted.iter().for_each(|&node| labels[node as usize] = class);
        let old = &graph.features;
        let rows = (0..graph.nodes).map(|node| {
            let (col, val) = old.row(node);
            let mut row: Vec<(u32, f32)> = col.iter().copied().zip(val.iter().copied()).collect();
            if planted.binary_search(&(node as u32)).is_ok() {
                row.extend((0..further).map(|column| ((old.width + column) as u32, 1.0)));
            }
            row
        });
        // The new columns come behind those of the files, whichever of these are left.
        let new = (columns..columns + further).map(|column| column as u32);
        let behind = |all: &Vec<u32>| all.iter().copied().chain(new).collect();
        let called = old.called.as_ref().map(behind);
        graph.features = Sparse { called, ..Sparse::from_rows(old.width + further, rows) };
        Ok(planted)
    }
}

impl Poison {
    /// Adds the edges; each once, as [`Graph::distinct_edges`] has them.
    pub(super) fn apply(&self, graph: &mut Graph, labels: &[u32]) -> Result<Vec<[u32; 2]>> {
        if !graph.edge_data.is_plain() {
            return Err(Error::input(
                "data.poison: adds edges, which would need weights or features like the others; leave it out, or \
                 data.edge_weight and data.edge_features",
            ));
        }
        let there = graph.distinct_edges().len();
        let count = (self.edges * there as f64).round();
        if !(count >= 1.0 && self.edges <= 1.0) {
            return Err(Error::input(format!(
                "data.poison.edges: {} of {there} edges adds nothing, or more than there are; expected 0 < edges ≤ 1",
                self.edges
            )));
        }
        let mut rng = SplitMix64::new(self.seed);
        let mut added = BTreeSet::new();
        // A graph that is nearly complete has no room; then most draws fail.
        for _ in 0..1000 + 100 * count as usize {
            let [a, b] = [rng.below(graph.nodes) as u32, rng.below(graph.nodes) as u32];
            let [u, v] = if graph.undirected { [a.min(b), a.max(b)] } else { [a, b] };
            let of = [labels[u as usize], labels[v as usize]];
            if of[0] != of[1] && !of.contains(&UNLABELLED) && !graph.has_edge(u, v) {
                added.insert([u, v]);
            }
            if added.len() == count as usize {
                let added: Vec<[u32; 2]> = added.into_iter().collect();
                let pairs = [&graph.edges[..], &added].concat();
                *graph = Graph::new(graph.nodes, pairs, graph.undirected, std::mem::take(&mut graph.features))?;
                return Ok(added);
            }
        }
        Err(Error::input(format!(
            "data.poison.edges: the graph has no room for {count} further edges between classes; ask for fewer"
        )))
    }
}
