//! How far a deletion can move the rows of Âᵏ X, whatever the features are, and what a Newton step then leaves.
//!
//! Â = C (A + I) C with C = D^(−½), d_i the neighbours of node i and itself, edges undirected and without weights. From
//! Âᵏ = D^½ (D⁻¹ (A + I))ᵏ D^(−½), the middle's rows adding up to 1, (Âᵏ 1)_i = √d_i Σ_j M_ij / √d_j. Where a node has
//! a neighbour all nodes that it reaches have d_j ≥ 2, so that
//!
//! (Âᵏ 1)_i ≤ √(d_i / 2) for d_i ≥ 2, and 1 for d_i = 1.                                                       (1)
//!
//! Hence ‖x̄_i‖ ≤ c √max(1, d_i / 2), c the longest row of X.
//!
//! **An edge** (u, v), E = Â' − Â: Â'ᵏ − Âᵏ = Σ_{j<k} Â'ʲ E Â^(k−1−j), so Σ_i ‖x̄'_i − x̄_i‖ ≤ c Σ_j (1ᵀ Â'ʲ) |E|
//! (Â^(k−1−j) 1). E has entries in rows and columns u and v alone, whose neighbours have d ≥ 2 before; after, a node
//! has d' ≤ d, and the one that is left alone had d = 2. So by (1) either factor is at most √(d / 2), and the sum at
//! most (k / 2) c Σ_ab √d_a |E_ab| √d_b. (u, v) and (v, u) count √(d_u d_v) / √(d_u d_v), 2 together. (u, u) counts d_u
//! (1/(d_u − 1) − 1/d_u) = 1/(d_u − 1). (u, b) and (b, u) with another neighbour b count √(d_u / (d_u − 1)) − 1 ≤ 1/(2
//! (d_u − 1)) each, d_u − 2 times. That is 1 for u, and as much for v. Altogether
//!
//! Σ_i ‖x̄'_i − x̄_i‖ ≤ 2 c k for each edge,                                                                    (2)
//!
//! which two nodes with no other neighbour and opposite features attain at k = 1.
//!
//! **A node**: its edges go one after another, (2) each, and what it holds then reaches nobody. **Features** of a node
//! v: Σ_i Âᵏ_iv ‖x_v‖ ≤ c √max(1, d_v / 2) by (1), which a node with one neighbour attains.

use serde::Serialize;

use crate::methods::GraphView;
use crate::methods::second_order::certificate::softmax_lipschitz;
use crate::methods::second_order::removal::Left;

/// What is known of a request before a step is taken.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Worst {
    /// T, a bound of what all rows together move.
    pub moved: f64,
    /// R, a bound of the longest x̃.
    pub longest: f64,
    /// By how much the new gradient can be longer than the old.
    pub added: f64,
    /// γ R³ / (2 λ² n).
    pub turn: f64,
}

impl Worst {
    /// Of a request to a network of `hops` hops, for `records` that stay and go, and the decay and norm of its weights.
    ///
    /// # Errors
    /// Why there is no such bound.
    pub fn of(
        graph: &GraphView,
        (hops, bias): (usize, bool),
        (stay, gone): (usize, usize),
        (lambda, theta): (f64, f64),
    ) -> Result<Worst, &'static str> {
        let whole = graph.graph;
        if !whole.undirected || !whole.edge_data.is_plain() || whole.edges.iter().any(|[u, v]| u == v) {
            return Err("is derived for undirected edges without weights and without loops");
        }
        let after = whole.without(graph.deletion);
        let mut degree = vec![1.0f64; whole.nodes];
        whole.edges.iter().for_each(|[_, target]| degree[*target as usize] += 1.0);
        let reach = |node: usize| (0.5 * degree[node]).max(1.0).sqrt();
        let square = |node: usize| whole.features.row(node).1.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>();
        let longest = (0..whole.nodes).map(square).fold(0.0, f64::max).sqrt();
        let stays = |node: &usize| graph.deletion.nodes.binary_search(&(*node as u32)).is_err();
        let bare = |node: &usize| whole.features.row(*node) != after.features.row(*node);
        let features: f64 = (0..whole.nodes).filter(|node| stays(node) && bare(node)).map(reach).sum();
        let edges = (whole.edges.len() - after.edges.len()) as f64 / 2.0;
        let moved = longest * (2.0 * hops as f64 * edges + features);
        let row = (0..whole.nodes).map(reach).fold(0.0, f64::max);
        let longest = (f64::from(u8::from(bias)) + (longest * row).powi(2)).sqrt();
        let added =
            gone as f64 * (2f64.sqrt() * longest + lambda * theta) + (2f64.sqrt() + 0.5 * theta * longest) * moved;
        let turn = softmax_lipschitz() * longest.powi(3) / (2.0 * lambda.powi(2) * stay.max(1) as f64);
        Ok(Worst { moved, longest, added, turn })
    }

    /// What steps can have left from a gradient of `spent` of the old sum, with what their linear systems left.
    pub fn left(&self, spent: f64, steps: &[Left]) -> f64 {
        let step = |at: f64, left: &Left| self.turn * (at + left.solver).powi(2) + left.solver;
        let worst = steps.iter().fold(spent + self.added, step);
        worst.max(steps.last().map_or(0.0, |left| left.measured))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::philox::{philox, unit};
    use crate::data::{Deletion, Graph, Sparse};
    use crate::methods::graph::graph_editor::spread::spread;

    /// Σ_i ‖x̄'_i − x̄_i‖ over the nodes that stay.
    fn moved(graph: &Graph, deletion: &Deletion, k: usize) -> f64 {
        let (old, new) = (spread(graph, k), spread(&graph.without(deletion), k));
        let far = |node: usize| {
            let squares = old.row(node).iter().zip(new.row(node)).map(|(a, b)| (a - b) * (a - b));
            squares.sum::<f64>().sqrt()
        };
        (0..graph.nodes).filter(|v| deletion.nodes.binary_search(&(*v as u32)).is_err()).map(far).sum()
    }

    fn bound(graph: &Graph, deletion: &Deletion, k: usize) -> Worst {
        let view = GraphView { graph, deletion, influenced: &[], influenced_train: &[] };
        Worst::of(&view, (k, true), (graph.nodes, deletion.nodes.len()), (0.1, 1.0)).unwrap()
    }

    fn signs(nodes: usize, sign: impl Fn(usize) -> f32) -> Sparse {
        Sparse {
            width: 1,
            ptr: (0..=nodes as u32).collect(),
            col: vec![0; nodes],
            val: (0..nodes).map(sign).collect(),
            ..Sparse::identity(0)
        }
    }

    #[test]
    fn two_nodes_and_an_edge_attain_the_bound_of_an_edge() {
        let graph = Graph::new(2, vec![[0, 1]], true, signs(2, |v| [1.0, -1.0][v])).unwrap();
        let edge = Deletion { edges: vec![[1, 0], [0, 1]], ..Deletion::default() };
        let (far, most) = (moved(&graph, &edge, 1), bound(&graph, &edge, 1).moved);
        assert!((far - 2.0).abs() < 1e-12 && (most - 2.0).abs() < 1e-12, "{far} {most}");
        let bare = Deletion { feature_rows: vec![0], ..Deletion::default() };
        let (far, most) = (moved(&graph, &bare, 1), bound(&graph, &bare, 1).moved);
        assert!((far - 1.0).abs() < 1e-12 && (most - 1.0).abs() < 1e-12, "{far} {most}");
        // A hub of many leaves comes near it too.
        let hub = Graph::new(41, (1..41).map(|leaf| [0, leaf]).collect(), true, signs(41, |_| 1.0)).unwrap();
        let (far, most) = (moved(&hub, &bare, 1), bound(&hub, &bare, 1).moved);
        assert!(far <= most && far > 0.97 * most, "{far} {most}");
        let row = spread(&hub, 1).row(0)[0].abs();
        assert!(row * row + 1.0 <= bound(&hub, &bare, 1).longest.powi(2) && row > 0.9 * (0.5f64 * 41.0).sqrt());
    }

    #[test]
    fn no_deletion_from_random_graphs_moves_more() {
        let word = |seed: u32, i: usize, what: u32| philox([i as u32, what, seed, 0], [11, 0])[0];
        let mut nearest = [0.0f64; 3];
        for seed in 0..600 {
            let (nodes, k) = (3 + seed as usize % 9, 1 + seed as usize % 4);
            let dense = 0.1 + 0.8 * unit(word(seed, 0, 0));
            let pairs = (0..nodes as u32).flat_map(|u| (0..u).map(move |v| [u, v]));
            let pairs: Vec<[u32; 2]> =
                pairs.enumerate().filter(|(i, _)| unit(word(seed, *i, 1)) < dense).map(|(_, pair)| pair).collect();
            let Some(&[u, v]) = pairs.first() else { continue };
            let sign = |i: usize| if word(seed, i, 2) & 1 == 0 { 1.0 } else { -1.0 };
            let graph = Graph::new(nodes, pairs, true, signs(nodes, sign)).unwrap();
            let of_u = graph.edges.iter().filter(|ends| ends.contains(&u)).copied().collect();
            let deletions = [
                Deletion { edges: vec![[u, v], [v, u]], ..Deletion::default() },
                Deletion { nodes: vec![u], edges: of_u, ..Deletion::default() },
                Deletion { feature_rows: vec![u], ..Deletion::default() },
            ];
            for (deletion, nearest) in deletions.iter().zip(&mut nearest) {
                let (far, most) = (moved(&graph, deletion, k), bound(&graph, deletion, k).moved);
                assert!(far <= most * (1.0 + 1e-12), "{seed}: {far}, {most} was said, {deletion:?}");
                *nearest = nearest.max(far / most);
            }
        }
        // A node's own row goes with it, and the bound counts it.
        let near = nearest[0] > 0.9 && nearest[1] > 0.45 && nearest[2] > 0.9;
        assert!(near, "the bounds are far from everything: {nearest:?}");
    }
}
