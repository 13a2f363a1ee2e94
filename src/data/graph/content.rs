//! What a graph of a collection holds, and what a node of a graph: by content as it is stored, so that two graphs that
//! differ in the order of their nodes alone are two.

use super::Graph;

impl Graph {
    /// The nodes `from..to`, which no edge leaves, as words: their number, the edges and what
    /// they carry, the features.
    pub(crate) fn words_of_part(&self, from: u32, to: u32) -> impl Iterator<Item = u64> {
        let edges = [from, to].map(|node| self.edges.partition_point(|[_, target]| *target < node));
        let carried = (edges[0]..edges[1]).flat_map(|edge| self.edge_data.words(edge));
        let edges = self.edges[edges[0]..edges[1]].iter();
        let pair = move |[u, v]: &[u32; 2]| u64::from(u - from) << 32 | u64::from(v - from);
        let count = [u64::from(to - from), edges.len() as u64];
        count
            .into_iter()
            .chain(edges.map(pair))
            .chain(carried)
            .chain((from..to).flat_map(|node| self.words_of_features(node)))
    }

    /// The features of a node: how many are not 0, and each with its column.
    pub(crate) fn words_of_features(&self, node: u32) -> impl Iterator<Item = u64> {
        let (col, val) = self.features.row(node as usize);
        let word = |(col, val): (&u32, &f32)| u64::from(*col) << 32 | u64::from(val.to_bits());
        std::iter::once(col.len() as u64).chain(col.iter().zip(val).map(word))
    }
}
