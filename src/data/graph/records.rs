//! What follows from what the records on a graph are.

use std::collections::BTreeSet;

use super::{GraphData, GraphRecords};

impl GraphData {
    /// Those of some records that are nodes: all, or none where ids are those of links.
    pub fn nodes_among<'a>(&self, ids: &'a [u32]) -> &'a [u32] {
        if self.records == GraphRecords::Links { &[] } else { ids }
    }

    /// Pairs that never had an edge, held out or not; the same at every call.
    pub fn strangers(&self, count: usize) -> Vec<[u32; 2]> {
        self.graph.strangers(count, 0, |u, v| self.held_out.holds(u, v))
    }

    /// Divides the training records by a request that takes these nodes, or these edges where records are links: those
    /// that go, and those that stay.
    pub(crate) fn divide(&self, nodes: &BTreeSet<u32>, edges: &BTreeSet<[u32; 2]>) -> (Vec<u32>, Vec<u32>) {
        let train = self.train.iter().copied();
        if self.records != GraphRecords::Links {
            return train.partition(|id| nodes.contains(id));
        }
        let pairs = self.graph.distinct_edges();
        train.partition(|id| edges.contains(&pairs[*id as usize]))
    }
}
