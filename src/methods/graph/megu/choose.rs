//! Which neighbours of what a request names a step works with: those whose spread features depend on it.

use std::collections::BTreeMap;

use crate::data::Graph;
use crate::methods::GraphView;
use crate::methods::graph::adjacency::Adjacency;

/// By how much the threshold grows; the source's.
const STRIDE: f64 = 0.1;
/// Least length of a vector in a cosine, as in the source.
const SHORTEST: f64 = 1e-8;

/// The nodes that stay, within `hops` of the marked ones, whose cosine is at most a threshold: that of a row of Âᵏ X
/// and of Âᵏ X', X' with 1 − x in the rows of the marked nodes and k the hops. The threshold grows by 0.1 until the
/// largest cosine below it stays the same, that of the marked nodes themselves among them. Without marked nodes it is
/// whoever the deletion reaches. In the work of one row of Âᵏ a node; nothing dense is made.
pub(super) fn neighbours(graph: &GraphView, marked: &[u32], hops: usize) -> Vec<u32> {
    if marked.is_empty() {
        return graph.influenced.to_vec();
    }
    let distance = graph.graph.hop_distance(graph.deletion);
    let near = |v: &u32| distance[*v as usize] as usize <= hops && marked.binary_search(v).is_err();
    let near: Vec<u32> = (0..graph.graph.nodes as u32).filter(near).collect();
    let adjacency = Adjacency::of(graph.graph);
    let mut scratch = Scratch::of(graph.graph);
    let mut cosine = |v: &u32| scratch.cosine(graph.graph, &adjacency.power(*v, hops), marked);
    let cosines: Vec<f64> = near.iter().map(&mut cosine).collect();
    let own: Vec<f64> = marked.iter().map(&mut cosine).collect();
    let most = threshold(cosines.iter().chain(&own).copied());
    near.into_iter().zip(cosines).filter(|(_, cosine)| *cosine <= most).map(|(v, _)| v).collect()
}

/// Where the threshold stops growing. A node that nothing of the request reaches has the cosine 1.
fn threshold(cosines: impl Iterator<Item = f64>) -> f64 {
    let all: Vec<f64> = cosines.collect();
    let mut before = 0.0;
    for turn in 1.. {
        let most = STRIDE * f64::from(turn);
        if most > 1.0 {
            break;
        }
        let below = all.iter().copied().filter(|cosine| *cosine <= most).reduce(f64::max);
        match below {
            Some(largest) if largest == before => return most,
            Some(largest) => before = largest,
            None => {}
        }
    }
    f64::INFINITY
}

/// Sums over the columns that a row touches.
struct Scratch {
    /// Of a column in Âᵏ X, and what marked nodes add to it.
    spread: Vec<[f64; 2]>,
    width: f64,
}

impl Scratch {
    fn of(graph: &Graph) -> Scratch {
        Scratch { spread: vec![[0.0; 2]; graph.features.width], width: graph.features.width as f64 }
    }

    /// The cosine of a, a row of Âᵏ X, and b = a + s 1 − 2 m, with m what the marked nodes add to a and s the sum of
    /// their weights.
    fn cosine(&mut self, graph: &Graph, row: &BTreeMap<u32, f64>, marked: &[u32]) -> f64 {
        let (mut touched, mut s) = (Vec::new(), 0.0);
        for (node, weight) in row {
            let own = marked.binary_search(node).is_ok();
            s += if own { *weight } else { 0.0 };
            let (columns, values) = graph.features.row(*node as usize);
            for (column, value) in columns.iter().zip(values) {
                let (cell, x) = (&mut self.spread[*column as usize], weight * f64::from(*value));
                cell[0] += x;
                cell[1] += if own { x } else { 0.0 };
                touched.push(*column as usize);
            }
        }
        let (mut aa, mut ab, mut bb, mut there) = (0.0, 0.0, 0.0, 0.0);
        for column in touched {
            let [a, m] = std::mem::take(&mut self.spread[column]);
            // A column that several nodes have is taken at its first place.
            if a == 0.0 && m == 0.0 {
                continue;
            }
            let b = a + s - 2.0 * m;
            (aa, ab, bb, there) = (aa + a * a, ab + a * b, bb + b * b, there + 1.0);
        }
        bb += s * s * (self.width - there);
        ab / (aa.sqrt().max(SHORTEST) * bb.sqrt().max(SHORTEST))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Deletion, Sparse};

    /// Beside whole matrices, as the source has them.
    #[test]
    fn cosines_are_those_of_whole_matrices() {
        let width = 5;
        let features = Sparse {
            width,
            ptr: vec![0, 2, 3, 5, 5, 6, 8],
            col: vec![0, 3, 1, 2, 4, 0, 1, 4],
            val: vec![1.0, 0.5, 1.0, 0.25, 0.75, 1.0, 0.5, 0.5],
            ..Sparse::identity(0)
        };
        let graph = Graph::new(6, vec![[0, 1], [1, 2], [2, 3], [3, 4], [4, 5], [1, 4]], true, features).unwrap();
        let (adjacency, marked) = (Adjacency::of(&graph), [1, 3]);
        let mut scratch = Scratch::of(&graph);
        let value = |node: usize, column: usize, inverted: bool| {
            let (columns, values) = graph.features.row(node);
            let x = columns.iter().position(|c| *c as usize == column).map_or(0.0, |at| f64::from(values[at]));
            if inverted && marked.contains(&(node as u32)) { 1.0 - x } else { x }
        };
        for node in 0..6 {
            let row = adjacency.power(node, 2);
            let spread = |inverted| -> Vec<f64> {
                (0..width).map(|c| row.iter().map(|(u, w)| w * value(*u as usize, c, inverted)).sum()).collect()
            };
            let (a, b): (Vec<f64>, Vec<f64>) = (spread(false), spread(true));
            let dot = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| x * y).sum::<f64>();
            let want = dot(&a, &b) / (dot(&a, &a).sqrt() * dot(&b, &b).sqrt());
            let got = scratch.cosine(&graph, &row, &marked);
            assert!((got - want).abs() < 1e-12, "{node}: {got}, {want}");
        }
        let deletion = Deletion { nodes: vec![1], edges: vec![[0, 1], [1, 0]], ..Deletion::default() };
        let view = GraphView { graph: &graph, deletion: &deletion, influenced: &[0, 2], influenced_train: &[] };
        let near = neighbours(&view, &[1], 1);
        assert!(!near.is_empty() && near.iter().all(|v| [0, 2, 4].contains(v)), "{near:?}");
        assert_eq!(neighbours(&view, &[], 1), [0, 2]);
    }

    #[test]
    fn the_threshold_stops_where_nobody_new_is_below_it() {
        assert!((threshold([0.05, 0.14, 0.9].into_iter()) - 0.3).abs() < 1e-12);
        assert!((threshold([0.55, 0.9].into_iter()) - 0.7).abs() < 1e-12);
        assert_eq!(threshold([1.0, 0.95].into_iter()), f64::INFINITY);
    }
}
