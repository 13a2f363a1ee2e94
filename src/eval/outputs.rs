//! What a model said about a split: logits and labels, checked once and then read by every metric.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::goals::Goals;
use super::graph::{GraphFacts, LinkFacts};
use super::recalled::Memory;
use crate::error::{Error, Result};

/// The recorded outputs of one model on one split.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Outputs {
    /// Row-major `[n, classes]`.
    pub logits: Vec<f32>,
    /// True class of each record, `[n]`.
    pub labels: Vec<u32>,
    /// Number of classes, the width of `logits`.
    pub classes: usize,
    /// What was to be predicted where that is no class; `labels` are then all 0.
    pub goals: Option<Goals>,
}

impl Outputs {
    /// Number of records.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is no record.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Logits of record `i`, `[classes]`.
    pub fn row(&self, i: usize) -> &[f32] {
        &self.logits[i * self.classes..(i + 1) * self.classes]
    }

    /// Rows of logits with their labels, in record order.
    pub fn rows(&self) -> impl Iterator<Item = (&[f32], u32)> {
        self.logits.chunks_exact(self.classes.max(1)).zip(self.labels.iter().copied())
    }

    /// The records whose label satisfies `keep`, in their order.
    pub fn filtered(&self, keep: impl Fn(u32) -> bool) -> Outputs {
        self.at(|at| keep(self.labels[at]))
    }

    /// The records whose place satisfies `keep`, in their order.
    pub fn at(&self, keep: impl Fn(usize) -> bool) -> Outputs {
        let sort = |goals: &Goals| Goals { sort: goals.sort.clone(), values: Vec::new() };
        let goals = self.goals.as_ref().map(sort);
        let mut kept = Outputs { classes: self.classes, goals, ..Outputs::default() };
        for (at, (row, label)) in self.rows().enumerate().filter(|(at, _)| keep(*at)) {
            kept.logits.extend_from_slice(row);
            kept.labels.push(label);
            if let (Some(to), Some(from)) = (&mut kept.goals, &self.goals) {
                to.values.extend_from_slice(&from.values[at * self.classes..][..self.classes]);
            }
        }
        kept
    }

    /// Holds the shapes, the label range and the finiteness of every logit; a diverged model ends here and is never
    /// scored.
    ///
    /// # Errors
    /// `Internal` when shapes or labels disagree, `CheckFailed` when a logit is NaN or infinite.
    pub fn check(&self) -> Result<()> {
        if self.classes == 0 || self.logits.len() != self.labels.len() * self.classes {
            return Err(Error::internal(format!(
                "outputs hold {} logits for {} labels and {} classes; expected labels × classes",
                self.logits.len(),
                self.labels.len(),
                self.classes
            )));
        }
        if let Some(goals) = self.goals.as_ref().filter(|goals| goals.values.len() != self.logits.len()) {
            let (numbers, targets) = (self.logits.len(), goals.values.len());
            return Err(Error::internal(format!("outputs hold {numbers} numbers for {targets} targets")));
        }
        if let Some(i) = self.labels.iter().position(|&label| label as usize >= self.classes) {
            return Err(Error::internal(format!(
                "sample {i} has label {} but the model has {} classes",
                self.labels[i], self.classes
            )));
        }
        if let Some(i) = self.logits.iter().position(|z| !z.is_finite()) {
            return Err(Error::CheckFailed(format!(
                "logit of class {} of sample {} is {}: the model diverged and cannot be scored; \
                 try a smaller learning rate",
                i % self.classes,
                i / self.classes,
                self.logits[i]
            )));
        }
        Ok(())
    }
}

/// The splits a model is read on. `train` is retain and forget together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SplitName {
    /// All training records, forgotten ones included.
    Train,
    /// Training records that no request names.
    Retain,
    /// Training records that the request names; of texts that lose a part, that part.
    Forget,
    /// Where a request takes parts of texts, what is left of those texts where it stood, with the parts before it.
    Rest,
    /// Held-out records for choices during training.
    Validation,
    /// Held-out records for the final figures.
    Test,
}

impl SplitName {
    /// Every part, in the order of tables.
    pub const ALL: [SplitName; 6] = [
        SplitName::Train,
        SplitName::Retain,
        SplitName::Forget,
        SplitName::Rest,
        SplitName::Validation,
        SplitName::Test,
    ];

    /// The name used in every output.
    pub fn as_str(self) -> &'static str {
        match self {
            SplitName::Train => "train",
            SplitName::Retain => "retain",
            SplitName::Forget => "forget",
            SplitName::Rest => "rest",
            SplitName::Validation => "validation",
            SplitName::Test => "test",
        }
    }
}

impl fmt::Display for SplitName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One model's outputs on every split it was read on. Each was checked when it was put in.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Evaluation {
    splits: BTreeMap<SplitName, Outputs>,
    graph: Option<GraphFacts>,
    links: Option<LinkFacts>,
    memory: Option<Memory>,
}

impl Evaluation {
    /// Nothing recorded yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds or replaces a split. An empty split is left out, so that everything computed on it is absent.
    ///
    /// # Errors
    /// What [`Outputs::check`] finds, with the split named.
    pub fn insert(&mut self, split: SplitName, outputs: Outputs) -> Result<()> {
        if outputs.is_empty() && outputs.logits.is_empty() {
            self.splits.remove(&split);
            return Ok(());
        }
        outputs.check().map_err(|error| match error {
            Error::CheckFailed(message) => Error::CheckFailed(format!("split {split}: {message}")),
            Error::Internal(message) => Error::Internal(format!("split {split}: {message}")),
            other => other,
        })?;
        self.splits.insert(split, outputs);
        Ok(())
    }

    /// Puts what is known of a request on a graph beside the outputs.
    pub fn set_graph(&mut self, facts: GraphFacts) {
        self.graph = Some(facts);
    }

    /// What only models of graphs have.
    pub fn graph(&self) -> Option<&GraphFacts> {
        self.graph.as_ref()
    }

    /// Marks the records as pairs of nodes, with the classes no edge and edge.
    pub fn set_links(&mut self, facts: LinkFacts) {
        self.links = Some(facts);
    }

    /// What only link prediction has.
    pub fn links(&self) -> Option<&LinkFacts> {
        self.links.as_ref()
    }

    /// Puts what was read of a language model beside its outputs.
    pub fn set_memory(&mut self, memory: Memory) {
        self.memory = Some(memory);
    }

    /// What only language models have.
    pub fn memory(&self) -> Option<&Memory> {
        self.memory.as_ref()
    }

    /// The outputs on a split, if the model was read on it.
    pub fn get(&self, split: SplitName) -> Option<&Outputs> {
        self.splits.get(&split)
    }

    /// The splits present, in the order of [`SplitName::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = (SplitName, &Outputs)> {
        self.splits.iter().map(|(&split, outputs)| (split, outputs))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two_by_two() -> Outputs {
        Outputs { logits: vec![1.0, 0.0, 0.0, 1.0], labels: vec![0, 1], classes: 2, goals: None }
    }

    #[test]
    fn nan_and_infinity_are_refused_with_split_sample_and_class() {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut outputs = two_by_two();
            outputs.logits[3] = bad;
            let message = Evaluation::new().insert(SplitName::Forget, outputs).unwrap_err().to_string();
            assert!(message.contains("split forget") && message.contains("class 1 of sample 1"), "{message}");
        }
    }

    #[test]
    fn shapes_and_labels_are_held_together() {
        assert!(two_by_two().check().is_ok());
        assert!(Outputs { labels: vec![0, 2], ..two_by_two() }.check().is_err());
        assert!(Outputs { labels: vec![0], ..two_by_two() }.check().is_err());
        assert!(Outputs { classes: 0, ..two_by_two() }.check().is_err());
    }

    #[test]
    fn an_empty_split_is_absent() {
        let mut evaluation = Evaluation::new();
        evaluation.insert(SplitName::Validation, Outputs { classes: 2, ..Outputs::default() }).unwrap();
        assert!(evaluation.get(SplitName::Validation).is_none());
    }

    #[test]
    fn filtering_keeps_rows_and_labels_together() {
        let kept = two_by_two().filtered(|label| label == 1);
        assert_eq!((kept.logits.as_slice(), kept.labels.as_slice()), ([0.0, 1.0].as_slice(), [1].as_slice()));
    }
}
