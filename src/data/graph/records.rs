//! What follows from what the records on a graph are.

use std::collections::BTreeSet;

use super::{GraphData, GraphRecords};
use crate::data::Portion;

impl GraphData {
    /// Those of some records that are nodes: all, or none where ids are those of links.
    pub fn nodes_among<'a>(&self, ids: &'a [u32]) -> &'a [u32] {
        if self.records == GraphRecords::Links { &[] } else { ids }
    }

    /// Pairs that never had an edge, held out or not; the same at every call.
    pub fn strangers(&self, count: usize) -> Vec<[u32; 2]> {
        self.graph.strangers(count, 0, |u, v| self.held_out.holds(u, v))
    }

    /// Keeps, of the records of the validation or test part, those at `kept`, ascending positions.
    pub(crate) fn keep(&mut self, portion: Portion, kept: &[u32]) {
        let (ids, edges, never) = match portion {
            Portion::Train => return,
            Portion::Validation => {
                (&mut self.validation, &mut self.held_out.validation, &mut self.held_out.validation_never)
            }
            Portion::Test => (&mut self.test, &mut self.held_out.test, &mut self.held_out.test_never),
        };
        if self.records == GraphRecords::Links {
            let pairs = [edges.as_slice(), never].concat();
            let (held, others): (Vec<u32>, Vec<u32>) = kept.iter().partition(|at| (**at as usize) < edges.len());
            let of = |kept: Vec<u32>| kept.iter().map(|at| pairs[*at as usize]).collect();
            (*edges, *never) = (of(held), of(others));
            *ids = (0..kept.len() as u32).collect();
        } else {
            *ids = kept.iter().map(|at| ids[*at as usize]).collect();
        }
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
