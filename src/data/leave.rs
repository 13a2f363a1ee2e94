//! Records that leave the validation and test part because a request names them.

use super::{Dataset, Place, Portion};

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

    fn keep(&mut self, portion: Portion, kept: &[u32]) {
        let width = if self.graph.is_none() { self.width() } else { 0 };
        let part = self.part(portion).gather(kept, width);
        match portion {
            Portion::Train => return,
            Portion::Validation => self.validation = part,
            Portion::Test => self.test = part,
        }
        match &mut self.graph {
            None => self.who.keep(portion, kept),
            Some(graph) => graph.keep(portion, kept),
        }
    }
}
