//! Whose messages arrive where, on the host: for what is worked out node by node.

use std::collections::BTreeMap;

use crate::data::Graph;

/// Â = C (A + I) C by rows, C = 1/sqrt(in-weights) with one self-loop a node, of weight 1 where the graph has none
/// (Kipf & Welling 2017), in f64. Row v holds what node v hears.
pub(super) struct Adjacency {
    ptr: Vec<usize>,
    from: Vec<u32>,
    value: Vec<f64>,
}

impl Adjacency {
    /// Of a graph.
    pub fn of(graph: &Graph) -> Adjacency {
        let mut rows: Vec<Vec<(u32, f64)>> = (0..graph.nodes as u32).map(|node| vec![(node, 1.0)]).collect();
        for (at, [source, target]) in graph.edges.iter().enumerate() {
            let (row, weight) = (&mut rows[*target as usize], f64::from(graph.edge_data.weight(at)));
            match source == target {
                true => row[0].1 = weight,
                false => row.push((*source, weight)),
            }
        }
        let by: Vec<f64> = rows.iter().map(|row| 1.0 / row.iter().map(|(_, w)| w).sum::<f64>().sqrt()).collect();
        let mut made = Adjacency { ptr: vec![0], from: Vec::new(), value: Vec::new() };
        for (target, row) in rows.iter().enumerate() {
            made.from.extend(row.iter().map(|(source, _)| source));
            made.value.extend(row.iter().map(|(source, weight)| by[target] * by[*source as usize] * weight));
            made.ptr.push(made.from.len());
        }
        made
    }

    /// The entries of a row: source and value, the node itself first.
    pub fn row(&self, node: u32) -> impl Iterator<Item = (u32, f64)> + '_ {
        let range = self.ptr[node as usize]..self.ptr[node as usize + 1];
        self.from[range.clone()].iter().copied().zip(self.value[range].iter().copied())
    }

    /// A row of Âᵏ.
    pub fn power(&self, node: u32, k: usize) -> BTreeMap<u32, f64> {
        let mut row = BTreeMap::from([(node, 1.0)]);
        for _ in 0..k {
            let mut next = BTreeMap::new();
            for (target, weight) in row {
                self.row(target).for_each(|(source, value)| *next.entry(source).or_insert(0.0) += weight * value);
            }
            row = next;
        }
        row
    }

    /// The node and those whose messages reach it within so many hops, ascending.
    pub fn around(&self, node: u32, hops: usize) -> Vec<u32> {
        let (mut found, mut front) = (vec![node], vec![node]);
        for _ in 0..hops {
            let mut next: Vec<u32> = front.iter().flat_map(|node| self.row(*node).map(|(source, _)| source)).collect();
            next.sort_unstable();
            next.dedup();
            next.retain(|node| found.binary_search(node).is_err());
            found.extend(&next);
            found.sort_unstable();
            front = next;
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Sparse;

    #[test]
    fn rows_are_those_of_the_normalised_matrix() {
        // 0 – 1 – 2, and 3 alone: degrees with self-loops are 2, 3, 2, 1.
        let graph = Graph::new(4, vec![[0, 1], [1, 2]], true, Sparse::identity(4)).unwrap();
        let a = Adjacency::of(&graph);
        let row: BTreeMap<u32, f64> = a.row(0).collect();
        assert!((row[&0] - 0.5).abs() < 1e-15 && (row[&1] - 1.0 / 6f64.sqrt()).abs() < 1e-15 && row.len() == 2);
        let two = a.power(0, 2);
        assert!((two[&2] - 1.0 / 6.0).abs() < 1e-15 && (two[&0] - (0.25 + 1.0 / 6.0)).abs() < 1e-15, "{two:?}");
        assert_eq!((a.around(0, 1), a.around(0, 2), a.around(3, 5)), (vec![0, 1], vec![0, 1, 2], vec![3]));
        assert_eq!(a.power(3, 4), BTreeMap::from([(3, 1.0)]));
    }
}
