//! What a deletion does to a graph's shape: pruning hubs or bridges loses more than what was asked for.

use serde::Serialize;

use crate::data::{Deletion, Graph};

/// Degrees and connected components before and after. Degrees count in-edges, self-loops included; components follow
/// edges in either direction.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GraphChange {
    pub mean_degree_before: f64,
    /// Over the retained nodes.
    pub mean_degree_after: f64,
    /// Retained nodes that lost an edge, and the most that one lost.
    pub nodes_with_fewer_edges: usize,
    pub most_edges_lost: usize,
    pub components_before: usize,
    /// Among the retained nodes.
    pub components_after: usize,
    /// Retained nodes that had an edge to another node and now have none.
    pub isolated_made: usize,
}

impl GraphChange {
    pub fn of(graph: &Graph, deletion: &Deletion) -> GraphChange {
        let after = graph.without(deletion);
        let stays: Vec<u32> = (0..graph.nodes as u32).filter(|v| deletion.nodes.binary_search(v).is_err()).collect();
        let all: Vec<u32> = (0..graph.nodes as u32).collect();
        let (old, new) = (degrees(graph), degrees(&after));
        let lost = |v: &u32| old[*v as usize] - new[*v as usize];
        let (others_old, others_new) = (neighbours(graph), neighbours(&after));
        let alone = |v: &&u32| others_old[**v as usize] > 0 && others_new[**v as usize] == 0;
        GraphChange {
            mean_degree_before: mean(&old, &all),
            mean_degree_after: mean(&new, &stays),
            nodes_with_fewer_edges: stays.iter().filter(|v| lost(v) > 0).count(),
            most_edges_lost: stays.iter().map(lost).max().unwrap_or(0),
            components_before: components(graph, &all),
            components_after: components(&after, &stays),
            isolated_made: stays.iter().filter(alone).count(),
        }
    }
}

fn degrees(graph: &Graph) -> Vec<usize> {
    let mut degrees = vec![0; graph.nodes];
    graph.edges.iter().for_each(|[_, target]| degrees[*target as usize] += 1);
    degrees
}

/// Edges of each node to and from others.
fn neighbours(graph: &Graph) -> Vec<usize> {
    let mut count = vec![0; graph.nodes];
    for [u, v] in graph.edges.iter().filter(|[u, v]| u != v) {
        count[*u as usize] += 1;
        count[*v as usize] += 1;
    }
    count
}

fn mean(degrees: &[usize], of: &[u32]) -> f64 {
    of.iter().map(|v| degrees[*v as usize]).sum::<usize>() as f64 / of.len().max(1) as f64
}

/// Connected components that hold a node of `of`, no edge leading out of it.
fn components(graph: &Graph, of: &[u32]) -> usize {
    let mut parent: Vec<u32> = (0..graph.nodes as u32).collect();
    fn root(parent: &mut [u32], mut v: u32) -> u32 {
        while parent[v as usize] != v {
            parent[v as usize] = parent[parent[v as usize] as usize];
            v = parent[v as usize];
        }
        v
    }
    for [u, v] in &graph.edges {
        let (a, b) = (root(&mut parent, *u), root(&mut parent, *v));
        parent[a.max(b) as usize] = a.min(b);
    }
    of.iter().filter(|v| root(&mut parent, **v) == **v).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Sparse;

    #[test]
    fn a_bridge_and_a_hub_are_counted() {
        // A triangle 0 1 2, a bridge 2 – 3, a leaf 3 – 4, and 5 alone.
        let pairs = vec![[0, 1], [1, 2], [0, 2], [2, 3], [3, 4]];
        let graph = Graph::new(6, pairs, true, Sparse::identity(6)).unwrap();
        let bridge = Deletion { edges: vec![[3, 2], [2, 3]], ..Deletion::default() };
        let change = GraphChange::of(&graph, &bridge);
        assert_eq!((change.components_before, change.components_after, change.isolated_made), (2, 3, 0));
        assert_eq!((change.nodes_with_fewer_edges, change.most_edges_lost), (2, 1));
        assert!(
            (change.mean_degree_before - 10.0 / 6.0).abs() < 1e-12
                && (change.mean_degree_after - 8.0 / 6.0).abs() < 1e-12
        );
        // Node 3 goes: 4 is left alone, 3 itself counts no more.
        let node = Deletion { nodes: vec![3], edges: vec![[3, 2], [2, 3], [4, 3], [3, 4]], ..Deletion::default() };
        let change = GraphChange::of(&graph, &node);
        assert_eq!((change.components_after, change.isolated_made, change.nodes_with_fewer_edges), (3, 1, 2));
        assert!((change.mean_degree_after - 6.0 / 5.0).abs() < 1e-12);
    }
}
