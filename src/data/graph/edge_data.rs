//! What edges carry beside their ends: weights and features.

use std::collections::HashMap;

use super::node_labels::NodeLabels;
use super::{Graph, Sparse};
use crate::data::ColumnFit;
use crate::error::{Error, Result};

/// What edges carry beside their ends, in the order of [`Graph::edges`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EdgeData {
    /// A weight of each edge, finite and above 0, \[edges\]; none: every edge weighs 1.
    pub weight: Option<Vec<f32>>,
    /// Features of an edge; 0: edges have none.
    pub width: usize,
    /// [edges, width].
    pub features: Vec<f32>,
}

impl EdgeData {
    /// Whether edges carry nothing.
    pub fn is_plain(&self) -> bool {
        self.weight.is_none() && self.width == 0
    }

    /// What an edge weighs.
    pub fn weight(&self, edge: usize) -> f32 {
        self.weight.as_ref().map_or(1.0, |weight| weight[edge])
    }

    /// The features of an edge, \[width\].
    pub fn row(&self, edge: usize) -> &[f32] {
        &self.features[edge * self.width..(edge + 1) * self.width]
    }

    /// What some edges carry, in the order in which they are named.
    pub(crate) fn pick(&self, edges: &[usize]) -> EdgeData {
        EdgeData {
            weight: self.weight.as_ref().map(|weight| edges.iter().map(|edge| weight[*edge]).collect()),
            width: self.width,
            features: edges.iter().flat_map(|edge| self.row(*edge)).copied().collect(),
        }
    }

    /// The bits of what an edge carries.
    pub(crate) fn words(&self, edge: usize) -> impl Iterator<Item = u64> {
        let weight = self.weight.as_ref().map(|weight| weight[edge]);
        weight.into_iter().chain(self.row(edge).iter().copied()).map(|value| u64::from(value.to_bits()))
    }

    /// Turns the last `labels` features, which are labels, into one feature a label: fitted on the edges `known`, or
    /// taken from what a run has kept.
    pub(crate) fn encode(
        &mut self,
        labels: usize,
        known: &[u32],
        kept: Option<&[ColumnFit]>,
        origin: &str,
    ) -> Result<Vec<ColumnFit>> {
        let rows: Vec<&[f32]> = self.features.chunks(self.width.max(1)).collect();
        let others = self.width - labels;
        let column = |at: usize| rows.iter().map(|row| f64::from(row[others + at])).collect();
        let labels = NodeLabels { columns: (0..labels).map(column).collect() };
        let plain = rows.iter().map(|row| (0..).zip(row[..others].iter().copied()).collect());
        let (encoded, fits) = labels.append("edge_labels", &Sparse::from_rows(others, plain), known, kept, origin)?;
        let mut features = vec![0.0; encoded.width * rows.len()];
        for (edge, row) in features.chunks_mut(encoded.width).enumerate() {
            let (columns, values) = encoded.row(edge);
            columns.iter().zip(values).for_each(|(column, value)| row[*column as usize] = *value);
        }
        (self.width, self.features) = (encoded.width, features);
        Ok(fits)
    }

    /// What two edges that ought to be one carry differently, each in words.
    fn differ(&self, one: usize, other: usize) -> Option<(&'static str, [String; 2])> {
        let [a, b] = [one, other].map(|edge| self.weight(edge));
        if a != b {
            return Some(("weights", [a.to_string(), b.to_string()]));
        }
        let [a, b] = [one, other].map(|edge| self.row(edge));
        (a != b).then(|| ("features", [format!("{a:?}"), format!("{b:?}")]))
    }
}

impl Graph {
    /// A graph as [`Graph::new`] makes it, of pairs that carry something: `data` is in their order, and `called` says
    /// where a pair stands. A pair of weight 0 is no edge.
    ///
    /// # Errors
    /// [`Error::Input`] for an edge to an unknown node, a weight or a feature that is no number or a weight below 0,
    /// and for a pair that is there twice, or in both directions of an undirected graph, and does not carry the same.
    pub fn carrying(
        nodes: usize,
        pairs: Vec<[u32; 2]>,
        undirected: bool,
        features: Sparse,
        data: &EdgeData,
        called: &dyn Fn(usize) -> String,
    ) -> Result<Graph> {
        if data.is_plain() {
            return Graph::new(nodes, pairs, undirected, features);
        }
        let wrong = |at: &usize| {
            let weight = data.weight(*at);
            !(weight.is_finite() && weight >= 0.0 && data.row(*at).iter().all(|value| value.is_finite()))
        };
        if let Some(at) = (0..pairs.len()).find(wrong) {
            return Err(Error::input(format!(
                "{}: edge {:?} has the weight {} and the features {:?}; expected a finite weight of 0 or more and \
                 finite features",
                called(at),
                pairs[at],
                data.weight(at),
                data.row(at)
            )));
        }
        let there: Vec<usize> = (0..pairs.len()).filter(|at| data.weight(*at) != 0.0).collect();
        let mut place: HashMap<[u32; 2], usize> = HashMap::new();
        for at in there.iter().copied() {
            let [u, v] = pairs[at];
            let both = [[u, v], [v, u]];
            for pair in &both[..if undirected { 2 } else { 1 }] {
                let first = *place.entry(*pair).or_insert(at);
                if let Some((what, [one, other])) = data.differ(first, at) {
                    return Err(Error::input(format!(
                        "{} and {}: edge {:?} is there twice{} with different {what}, {one} and {other}; keep one \
                         of them{}",
                        called(first),
                        called(at),
                        pairs[at],
                        if pairs[first] == pairs[at] { "" } else { ", once in each direction," },
                        if undirected { ", or give data.directed = true where each direction has its own" } else { "" }
                    )));
                }
            }
        }
        let graph = Graph::new(nodes, there.iter().map(|at| pairs[*at]).collect(), undirected, features)?;
        let places: Vec<usize> = graph.edges.iter().map(|edge| place[edge]).collect();
        Ok(Graph { edge_data: data.pick(&places), ..graph })
    }

    /// The same nodes with the edges for which `keep(source, target)` holds, and what these carry.
    pub(crate) fn keep_edges(&mut self, keep: impl Fn(u32, u32) -> bool) {
        let kept: Vec<usize> =
            self.edges.iter().enumerate().filter(|(_, [u, v])| keep(*u, *v)).map(|(at, _)| at).collect();
        self.edges = kept.iter().map(|at| self.edges[*at]).collect();
        self.edge_data = self.edge_data.pick(&kept);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(pairs: &[[u32; 2]], weight: &[f32], undirected: bool) -> Result<Graph> {
        let data = EdgeData { weight: Some(weight.to_vec()), ..EdgeData::default() };
        let line = |at: usize| format!("line {}", at + 2);
        Graph::carrying(4, pairs.to_vec(), undirected, Sparse::identity(4), &data, &line)
    }

    #[test]
    fn weights_follow_their_edges_and_0_is_no_edge() {
        let made = graph(&[[3, 1], [0, 1], [2, 0], [1, 0]], &[0.5, 2.0, 0.0, 2.0], true).unwrap();
        assert_eq!(made.edges, [[1, 0], [0, 1], [3, 1], [1, 3]]);
        assert_eq!(made.edge_data.weight, Some(vec![2.0, 2.0, 0.5, 0.5]));
        let directed = graph(&[[3, 1], [1, 3]], &[0.5, 2.0], false).unwrap();
        assert_eq!((&directed.edges[..], directed.edge_data.weight), (&[[3, 1], [1, 3]][..], Some(vec![0.5, 2.0])));
    }

    #[test]
    fn one_edge_has_one_weight() {
        let error = graph(&[[0, 1], [2, 3], [1, 0]], &[1.0, 1.0, 2.0], true).unwrap_err().to_string();
        for part in ["line 2 and line 4", "[1, 0]", "each direction", "1 and 2", "data.directed"] {
            assert!(error.contains(part), "{error}");
        }
        let error = graph(&[[0, 1], [0, 1]], &[1.0, 2.0], false).unwrap_err().to_string();
        assert!(error.contains("line 2 and line 3") && !error.contains("direct"), "{error}");
        for bad in [-1.0, f32::NAN, f32::INFINITY] {
            let error = graph(&[[0, 1]], &[bad], true).unwrap_err().to_string();
            assert!(error.contains("line 2") && error.contains("0 or more"), "{error}");
        }
    }
}
