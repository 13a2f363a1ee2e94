//! Which shard of an ensemble a training record is in, and which slice of it: a function of the record's key, of its
//! deletion rate where such are given, and of a seed alone, so that no other record's coming or going moves it. Shards
//! are therefore of about one size, not of one.

use std::sync::Arc;

use super::key::Key;
use super::rates::Levels;
use super::{Dataset, GraphRecords, Portion, RecordKind};

/// Keeps the draws of one seed apart.
const SHARD: u64 = 0x7368_6172_6473;
const SLICE: u64 = 0x736c_6963_6573;

/// A division of records into shards.
#[derive(Clone, Debug, PartialEq)]
pub struct Shards {
    /// How many.
    pub shards: usize,
    /// Of the draw.
    pub seed: u64,
    /// How likely records are to be deleted; none where that is not known.
    pub levels: Option<Arc<Levels>>,
}

impl Shards {
    /// The shard of a record, from 0: any, or one of those for records of its deletion rate.
    pub fn of(&self, key: u64) -> usize {
        let (first, count) = self.levels.as_ref().map_or((0, self.shards), |levels| levels.shards_of(key));
        first + below(key, self.seed ^ SHARD, count)
    }

    /// A number in [0, 1) of a record for a seed: those below a bound are a draw that no other record moves.
    pub fn share(key: u64, seed: u64) -> f64 {
        Key::kept(key).share(seed)
    }

    /// The slice of a record among `count`, from 0; independent of its shard.
    pub fn slice(key: u64, seed: u64, count: usize) -> usize {
        below(key, seed ^ SLICE, count)
    }
}

fn below(key: u64, seed: u64, count: usize) -> usize {
    ((Shards::share(key, seed) * count as f64) as usize).min(count.saturating_sub(1))
}

impl Dataset {
    /// What each training record is drawn by, by its id; empty where the records are links.
    pub fn keys(&self) -> Vec<u64> {
        let Some(graph) = &self.graph else {
            return self.who.part(Portion::Train).iter().map(|record| record.key).collect();
        };
        let named = |at: usize| graph.names.as_ref().map(|names| Key::of_text(&names[at]).number());
        let number = |at: usize| named(at).unwrap_or_else(|| Key::of([at as u64]).number());
        match graph.records {
            GraphRecords::Nodes => (0..graph.graph.nodes).map(number).collect(),
            GraphRecords::Graphs { .. } => (0..graph.labels.len()).map(|at| Key::of([at as u64]).number()).collect(),
            GraphRecords::Links => Vec::new(),
        }
    }

    /// Leaves out the training records that are not wanted, by their keys. Of records that stand alone.
    pub fn keep_training(&mut self, wanted: impl Fn(u64) -> bool) {
        if self.kind() != RecordKind::Row {
            return;
        }
        let keys = (0..).zip(self.who.part(Portion::Train));
        let kept: Vec<u32> = keys.filter(|(_, record)| wanted(record.key)).map(|(at, _)| at).collect();
        self.keep(Portion::Train, &kept);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_are_about_even_and_slices_do_not_follow_them() {
        let shards = Shards { shards: 5, seed: 3, levels: None };
        let mut counts = [[0usize; 4]; 5];
        for row in 0..20_000u64 {
            let key = Key::of([row]).number();
            counts[shards.of(key)][Shards::slice(key, 3, 4)] += 1;
        }
        assert!(counts.iter().flatten().all(|n| (880..1_120).contains(n)), "{counts:?}");
    }
}
