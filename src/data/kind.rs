//! What one record of a data set is, and what follows from it.

use super::{Dataset, GraphRecords};
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

    /// Outputs of a network for these data: classes or, of links, the columns of an embedding.
    pub fn outputs(&self, embedding: usize) -> usize {
        if self.kind() == RecordKind::Link { embedding } else { self.learned.len() }
    }

    /// # Errors
    /// The records are links: what `why` says.
    pub fn refuse_links(&self, why: impl FnOnce() -> String) -> Result<()> {
        if self.kind() == RecordKind::Link { Err(Error::input(why())) } else { Ok(()) }
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
