//! Records that leave the validation and test part because a request names them, and what earlier requests deleted.

use super::{Dataset, Deletion, GraphRecords, Place, Portion, TwinsOnce};

impl Dataset {
    /// Takes records out of the validation and test part; no parameter saw them, so nothing else changes. Places of
    /// the records behind them move up. `places` ascend.
    pub fn leave(&mut self, places: &[Place]) {
        for portion in [Portion::Validation, Portion::Test] {
            let stays = |position: &u32| places.binary_search(&Place { portion, position: *position }).is_err();
            let kept: Vec<u32> = (0..self.part(portion).len() as u32).filter(stays).collect();
            if kept.len() < self.part(portion).len() {
                self.keep(portion, &kept);
            }
        }
    }

    /// Takes what an earlier request deleted from a graph of nodes, so that what comes next is asked of what is left;
    /// `retain` are the training nodes that stay. Ids of nodes are what they were.
    pub fn lose(&mut self, deletion: &Deletion, retain: &[u32]) {
        let Some(graph) = self.graph.as_mut().filter(|graph| graph.records == GraphRecords::Nodes) else { return };
        graph.graph = graph.graph.without(deletion);
        graph.train = retain.to_vec();
        self.train.y = retain.iter().map(|id| graph.labels[*id as usize]).collect();
        let gone = |node: &u32| deletion.nodes.binary_search(node).is_ok();
        let held_out = |ids: &[u32]| (0..).zip(ids).filter(|(_, id)| !gone(id)).map(|(at, _)| at).collect();
        let kept: [Vec<u32>; 2] = [held_out(&graph.validation), held_out(&graph.test)];
        self.keep(Portion::Validation, &kept[0]);
        self.keep(Portion::Test, &kept[1]);
    }

    pub(super) fn keep(&mut self, portion: Portion, kept: &[u32]) {
        let width = if self.graph.is_none() { self.width() } else { 0 };
        let part = self.part(portion).gather(kept, width);
        self.twins = TwinsOnce::default();
        match portion {
            Portion::Train => self.train = part,
            Portion::Validation => self.validation = part,
            Portion::Test => self.test = part,
        }
        match &mut self.graph {
            None => self.who.keep(portion, kept),
            Some(graph) => graph.keep(portion, kept),
        }
    }
}
