//! What one record of a data set is, and what follows from it.

use super::{Dataset, GraphRecords, TargetKind};
use crate::error::{Error, Result};

/// What one record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordKind {
    /// A row of numbers that stands alone.
    Row,
    /// A node of a graph.
    Node,
    /// A graph of a collection.
    Graph,
    /// A pair of nodes.
    Link,
}

impl RecordKind {
    /// One record, in a word.
    pub fn name(self) -> &'static str {
        match self {
            RecordKind::Row => "row",
            RecordKind::Node => "node",
            RecordKind::Graph => "graph",
            RecordKind::Link => "link",
        }
    }
}

impl Dataset {
    /// What the records are.
    pub fn kind(&self) -> RecordKind {
        match self.graph.as_ref().map(|graph| &graph.records) {
            None => RecordKind::Row,
            Some(GraphRecords::Nodes) => RecordKind::Node,
            Some(GraphRecords::Graphs { .. }) => RecordKind::Graph,
            Some(GraphRecords::Links) => RecordKind::Link,
        }
    }

    /// Outputs of a network for these data: classes, targets or, of links, the columns of an embedding.
    pub fn outputs(&self, embedding: usize) -> usize {
        if self.kind() == RecordKind::Link { embedding } else { self.learned.len() }
    }

    /// # Errors
    /// The records are links: what `why` says.
    pub fn refuse_links(&self, why: impl FnOnce() -> String) -> Result<()> {
        if self.kind() == RecordKind::Link { Err(Error::input(why())) } else { Ok(()) }
    }

    /// What is to be predicted of a record.
    pub fn target_kind(&self) -> TargetKind {
        self.targets.as_ref().map_or(TargetKind::Class, |fit| fit.kind)
    }

    /// Refuses what is of classes where records have none. `what` begins the sentence.
    ///
    /// # Errors
    /// Records with numbers to predict, or several labels.
    pub fn needs_classes(&self, what: &str) -> Result<()> {
        match self.target_kind() {
            TargetKind::Class => Ok(()),
            kind => Err(Error::input(format!(
                "{what} is of records with a class each; `{}` has {}",
                self.name,
                kind.records()
            ))),
        }
    }

    /// Refuses what is of single records where they have no loss of their own. `what` begins the sentence.
    ///
    /// # Errors
    /// The records are links.
    pub fn needs_own_losses(&self, what: &str) -> Result<()> {
        let said = "of records with a loss of their own; the records of this run are links (data.task = \"link\")";
        self.refuse_links(|| format!("{what} {said}"))
    }
}
