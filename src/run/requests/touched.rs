//! What requests touch together, in numbers.

use std::collections::BTreeSet;

use super::document::{Counted, Touched};
use super::sight::Sight;
use crate::run::target::Target;

impl Sight {
    /// What requests touch together.
    pub fn touched(&self, target: &Target, shards: Option<Vec<usize>>) -> Touched {
        let lines = &target.split.lines;
        let kinds: BTreeSet<String> = lines.iter().map(|line| line.kind.clone()).collect();
        let count: usize = lines.iter().map(|line| line.records.len()).sum();
        let classes: BTreeSet<&String> =
            lines.iter().flat_map(|line| line.records.iter().filter_map(|who| who.class.as_ref())).collect();
        let twins: BTreeSet<String> =
            lines.iter().flat_map(|line| line.twins.iter().map(|who| who.id.to_string())).collect();
        let checkpoints = self.run.folder.kept_steps().len();
        let edges_alone = target.graph.as_ref().is_some_and(|graph| graph.deletion.nodes.is_empty());
        Touched {
            things: Counted { count, kinds: kinds.into_iter().collect() },
            train: if edges_alone || count == 0 { 0 } else { target.split.forget.len() },
            unseen: target.split.unseen.len(),
            retained: target.split.retain.len(),
            classes: classes.len(),
            whole_classes: target.whole_classes.len(),
            twins: twins.len(),
            influenced: target.graph.as_ref().map(|graph| graph.influenced.len()),
            shards,
            checkpoints: (checkpoints > 0).then_some(checkpoints),
        }
    }
}
