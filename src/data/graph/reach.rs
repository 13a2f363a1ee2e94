//! What a deletion leaves, and how far it reaches.

use super::{Deletion, Graph};

impl Graph {
    /// The reduced graph: the same node ids, without the deleted edges (those of deleted nodes too) and without the
    /// deleted features. Retained values keep the normalisation they have.
    pub fn without(&self, deletion: &Deletion) -> Graph {
        let gone = self.marks(&deletion.nodes);
        let bare = self.marks(&deletion.feature_rows);
        let removed = self.removed(deletion);
        let left: Vec<usize> = (0..self.edges.len()).filter(|edge| !removed[*edge]).collect();
        let edges = left.iter().map(|edge| self.edges[*edge]).collect();
        let features = self.features.filter(|row, col| {
            let col = self.features.called(col);
            !gone[row as usize]
                && !bare[row as usize]
                && deletion.feature_columns.binary_search(&col).is_err()
                && deletion.feature_entries.binary_search(&[row, col]).is_err()
        });
        Graph { nodes: self.nodes, edges, undirected: self.undirected, features, edge_data: self.edge_data.pick(&left) }
    }

    /// Nodes whose output after `layers` message passings can change: their computation tree holds something deleted,
    /// or a node whose degree changes (so a neighbour of a deleted node is a start of its own: L + 1 hops from that
    /// node). Ascending, without the deleted nodes.
    pub fn influenced(&self, deletion: &Deletion, layers: usize) -> Vec<u32> {
        let mut starts = self.changed_features(deletion);
        starts.extend(&deletion.nodes);
        // The target's degree changes; an undirected edge is there twice, so both ends are targets.
        let removed = self.removed(deletion);
        starts.extend(self.edges.iter().zip(&removed).filter(|(_, removed)| **removed).map(|([_, target], _)| target));
        let distance = self.distances(&starts, layers as u32);
        let gone = self.marks(&deletion.nodes);
        (0..self.nodes as u32).filter(|&i| distance[i as usize] != u32::MAX && !gone[i as usize]).collect()
    }

    /// Hops along messages from the nearest thing deleted, in this graph, from which nothing is taken yet: 0 for a
    /// deleted node, the targets of a deleted edge (both ends of an undirected one) and a node that loses features;
    /// `u32::MAX` where no message arrives.
    pub fn hop_distance(&self, deletion: &Deletion) -> Vec<u32> {
        let gone = self.marks(&deletion.nodes);
        let mut starts = self.changed_features(deletion);
        starts.extend(&deletion.nodes);
        // Edges of a deleted node say nothing of their own: that node's neighbours are one hop away.
        let own = deletion.edges.iter().filter(|[u, v]| !gone[*u as usize] && !gone[*v as usize]);
        starts.extend(own.map(|[_, target]| target));
        self.distances(&starts, u32::MAX - 1)
    }

    /// Per edge: whether the deletion takes it.
    fn removed(&self, deletion: &Deletion) -> Vec<bool> {
        let gone = self.marks(&deletion.nodes);
        let mut listed: Vec<(u32, u32)> = deletion.edges.iter().map(|&[u, v]| (v, u)).collect();
        listed.sort_unstable();
        let takes = |&[u, v]: &[u32; 2]| gone[u as usize] || gone[v as usize] || listed.binary_search(&(v, u)).is_ok();
        self.edges.iter().map(takes).collect()
    }

    /// Nodes that lose a feature which is not 0.
    fn changed_features(&self, deletion: &Deletion) -> Vec<u32> {
        let there = |node: u32, column: u32| self.features.row(node as usize).0.binary_search(&column).is_ok();
        let has = |node: u32, called: u32| self.features.find(called).is_some_and(|column| there(node, column));
        let rows = deletion.feature_rows.iter().copied().filter(|&i| !self.features.row(i as usize).0.is_empty());
        let entries =
            deletion.feature_entries.iter().filter(|[node, column]| has(*node, *column)).map(|[node, _]| *node);
        let mut out: Vec<u32> = rows.chain(entries).collect();
        if !deletion.feature_columns.is_empty() {
            let columns = |i: &u32| deletion.feature_columns.iter().any(|&column| has(*i, column));
            out.extend((0..self.nodes as u32).filter(columns));
        }
        out
    }

    fn marks(&self, nodes: &[u32]) -> Vec<bool> {
        let mut marks = vec![false; self.nodes];
        nodes.iter().for_each(|&node| marks[node as usize] = true);
        marks
    }

    /// Breadth-first from `starts` along edges source → target, up to `most` hops; `u32::MAX` beyond.
    fn distances(&self, starts: &[u32], most: u32) -> Vec<u32> {
        let mut by_source = self.edges.clone();
        by_source.sort_unstable();
        let mut ptr = vec![0usize; self.nodes + 1];
        by_source.iter().for_each(|[source, _]| ptr[*source as usize + 1] += 1);
        (0..self.nodes).for_each(|i| ptr[i + 1] += ptr[i]);
        let mut distance = vec![u32::MAX; self.nodes];
        starts.iter().for_each(|&start| distance[start as usize] = 0);
        let (mut front, mut hops) = (starts.to_vec(), 0);
        while !front.is_empty() && hops < most {
            hops += 1;
            let mut next = vec![];
            for source in front {
                for &[_, target] in &by_source[ptr[source as usize]..ptr[source as usize + 1]] {
                    if distance[target as usize] == u32::MAX {
                        distance[target as usize] = hops;
                        next.push(target);
                    }
                }
            }
            front = next;
        }
        distance
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::graph::Sparse;

    /// 0 – 1 – 2 – 3 – 4 – 5 and 6 alone; node i has feature i, and node 1 feature 0 too.
    fn path() -> Graph {
        let mut rows: Vec<Vec<(u32, f32)>> = (0..7).map(|i| vec![(i, 1.0)]).collect();
        rows[1].push((0, 0.5));
        Graph::new(7, (0..5).map(|i| [i, i + 1]).collect(), true, Sparse::from_rows(7, rows)).unwrap()
    }

    #[test]
    fn edges_are_sorted_by_target_distinct_and_both_ways() {
        let graph = Graph::new(3, vec![[2, 0], [0, 2], [1, 1], [2, 0]], true, Sparse::identity(3)).unwrap();
        assert_eq!(graph.edges, [[2, 0], [1, 1], [0, 2]]);
        assert_eq!(graph.distinct_edges(), [[1, 1], [0, 2]]);
        assert!(graph.has_edge(0, 2) && !graph.has_edge(0, 1));
        let directed = Graph::new(3, vec![[2, 0]], false, Sparse::identity(3)).unwrap();
        assert_eq!((&directed.edges[..], directed.has_edge(0, 2)), (&[[2, 0]][..], false));
        let error = Graph::new(3, vec![[0, 3]], true, Sparse::identity(3)).unwrap_err().to_string();
        assert!(error.contains("edge [0,3]") && error.contains("0 to 2"), "{error}");
    }

    #[test]
    fn a_deleted_node_takes_its_edges_and_features_and_nothing_else() {
        let graph = path();
        let left = graph.without(&Deletion { nodes: vec![1], ..Deletion::default() });
        assert_eq!((left.nodes, left.edges.len()), (7, 6));
        assert!(!left.has_edge(0, 1) && !left.has_edge(2, 1) && left.has_edge(2, 3));
        assert!(left.features.row(1).0.is_empty());
        assert_eq!(left.features.row(0), graph.features.row(0));
        assert_eq!(left.features.ptr.len(), 8);
    }

    #[test]
    fn features_go_by_row_column_or_entry() {
        let graph = path();
        let column = graph.without(&Deletion { feature_columns: vec![0], ..Deletion::default() });
        assert_eq!((column.features.row(0).0, column.features.row(1).0), (&[][..], &[1][..]));
        let row = graph.without(&Deletion { feature_rows: vec![1], ..Deletion::default() });
        assert_eq!((row.features.row(0).0, row.features.row(1).0), (&[0][..], &[][..]));
        let entry = graph.without(&Deletion { feature_entries: vec![[1, 0]], ..Deletion::default() });
        assert_eq!((entry.features.row(0).0, entry.features.row(1).0), (&[0][..], &[1][..]));
        assert!([&column, &row, &entry].iter().all(|left| left.edges == graph.edges));
    }

    #[test]
    fn influence_reaches_one_hop_further_where_degrees_change() {
        let graph = path();
        let node = Deletion { nodes: vec![0], ..Deletion::default() };
        // Node 1 loses a neighbour, so everything within 2 hops of node 1 sees another degree.
        assert_eq!(graph.influenced(&node, 2), [1, 2, 3]);
        assert_eq!(graph.influenced(&node, 0), [1]);
        let edge = Deletion { edges: vec![[2, 1], [1, 2]], ..Deletion::default() };
        assert_eq!(graph.influenced(&edge, 1), [0, 1, 2, 3]);
        let entry = Deletion { feature_entries: vec![[1, 0]], ..Deletion::default() };
        assert_eq!(graph.influenced(&entry, 2), [0, 1, 2, 3]);
        let column = Deletion { feature_columns: vec![5], ..Deletion::default() };
        assert_eq!(graph.influenced(&column, 2), [3, 4, 5]);
        let absent = Deletion { feature_entries: vec![[1, 6]], ..Deletion::default() };
        assert!(graph.influenced(&absent, 2).is_empty(), "that feature is 0 already");
    }

    /// The definition, by brute force: a node is influenced where a GCN of two layers without nonlinearities, with
    /// positive weights, gives another number.
    #[test]
    fn influence_is_what_symmetric_normalisation_shows() {
        let mut rng = crate::base::splitmix::SplitMix64::new(5);
        for directed in [false, true] {
            let pairs = (0..34).map(|_| [rng.below(30) as u32, rng.below(30) as u32]).collect();
            let graph = Graph::new(30, pairs, !directed, Sparse::identity(30)).unwrap();
            for node in 0..30 {
                let deletion = Deletion { nodes: vec![node], ..Deletion::default() };
                let (before, after) = (passed(&graph, 2), passed(&graph.without(&deletion), 2));
                let changed: Vec<u32> =
                    (0..30).filter(|&i| i != node && before[i as usize] != after[i as usize]).collect();
                assert_eq!(graph.influenced(&deletion, 2), changed, "node {node}, directed {directed}");
            }
        }
    }

    /// `layers` products with D^-1/2 (A + I) D^-1/2 of features whose sums are all different.
    fn passed(graph: &Graph, layers: usize) -> Vec<f64> {
        let mut degree = vec![1.0; graph.nodes];
        graph.edges.iter().filter(|[u, v]| u != v).for_each(|[_, v]| degree[*v as usize] += 1.0f64);
        let has = |i: usize| f64::from(u8::from(!graph.features.row(i).0.is_empty()));
        let mut x: Vec<f64> = (0..graph.nodes).map(|i| has(i) * (i as f64 + 0.3).sqrt()).collect();
        for _ in 0..layers {
            let mut y: Vec<f64> = (0..graph.nodes).map(|i| x[i] / degree[i]).collect();
            for &[u, v] in graph.edges.iter().filter(|[u, v]| u != v) {
                y[v as usize] += x[u as usize] / (degree[u as usize] * degree[v as usize]).sqrt();
            }
            x = y;
        }
        x
    }

    #[test]
    fn hops_are_counted_from_what_is_deleted() {
        let graph = path();
        let node = Deletion { nodes: vec![1], edges: vec![[1, 0], [0, 1], [2, 1], [1, 2]], ..Deletion::default() };
        assert_eq!(graph.hop_distance(&node), [1, 0, 1, 2, 3, 4, u32::MAX]);
        let edge = Deletion { edges: vec![[2, 1], [1, 2]], ..Deletion::default() };
        assert_eq!(graph.hop_distance(&edge), [1, 0, 0, 1, 2, 3, u32::MAX]);
    }
}
