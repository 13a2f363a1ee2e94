//! `unlearn lineage`: who came from whom, and which copies still hold something of the records that a run forgot. Read
//! from the folders themselves, so that what was moved or deleted since shows.

mod exports;
mod family;
mod held;
mod tree;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

#[cfg(all(feature = "ledger", feature = "report"))]
pub(in crate::run) use exports::note_own;
pub use exports::{EXPORTS, Export, note_export};
pub(in crate::run) use exports::{carry, read as read_exports};

use super::folder::RunFolder;
use crate::error::Result;
use crate::methods::Tier;

/// Name and version of the document.
pub const SCHEMA: &str = "unlearn.lineage/1";

/// What `unlearn lineage` prints.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Lineage {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// Version of the program.
    pub version: &'static str,
    /// The run that was asked about.
    pub run: PathBuf,
    /// Records, nodes, edges or features that it forgot; 0 where it was trained.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "records")))]
    pub forgot: usize,
    /// The training first, each behind what it came from.
    pub copies: Vec<Copy>,
}

/// What sort of thing a copy is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Sort {
    /// A run that was trained, imported or made to forget.
    Run,
    /// A retrain that a run is measured against.
    Reference,
    /// A checkpoint, a trace or steps of a training.
    Checkpoint,
    /// What models of an audit answered.
    Audit,
    /// A file that a model was exported to.
    Export,
    /// A file of records, or of weights that training began with.
    Source,
}

impl Sort {
    /// The word of files and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Sort::Run => "run",
            Sort::Reference => "reference",
            Sort::Checkpoint => "checkpoint",
            Sort::Audit => "audit",
            Sort::Export => "export",
            Sort::Source => "source",
        }
    }
}

/// Whether something is where it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Place {
    /// It is there, with the bytes that it had.
    There,
    /// Something else is in its place, or it was changed.
    Changed,
    /// It is not there: deleted, or moved.
    Gone,
}

impl Place {
    /// The word of files and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Place::There => "there",
            Place::Changed => "changed",
            Place::Gone => "gone",
        }
    }
}

/// What is left of the forgotten records in a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Trace {
    /// It was computed from the records, or holds them.
    Holds,
    /// It came from what was computed from them, and was made to forget them, approximately or to (ε, δ).
    Derived,
    /// Nothing in it was computed from the records.
    Free,
    /// Nobody asked about any records, or it cannot be told.
    Unknown,
}

impl Trace {
    /// The word of files and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Trace::Holds => "holds",
            Trace::Derived => "derived",
            Trace::Free => "free",
            Trace::Unknown => "unknown",
        }
    }
}

/// A run, or something that was made of one.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Copy {
    /// What sort of thing it is.
    pub sort: Sort,
    /// What it is, in words.
    pub what: String,
    /// Where it lies, or lay.
    pub path: PathBuf,
    /// The place in this list of what it came from; absent for the training.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<usize>,
    /// Whether it is where it was.
    pub place: Place,
    /// What is left of the records in it.
    pub trace: Trace,
    /// Why, in words.
    pub says: String,
    /// SHA-256 of its weights, or of the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// The method that made it, where it forgot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// What may be claimed of it, where it forgot.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<Tier>,
    /// When it was made, in UTC, where it says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub made_at: Option<String>,
    /// It is history of the run that was asked about: `unlearn gc --purge` deletes it.
    pub history: bool,
    /// Its size on the disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "bytes")))]
    pub bytes: Option<u64>,
}

impl Lineage {
    /// Looks at a run, at what it came from, and at whatever lies beside those and came from them.
    ///
    /// # Errors
    /// A folder that holds no run, or one that was changed.
    pub fn of(run: &Path) -> Result<Lineage> {
        family::of(&RunFolder::new(run))
    }

    /// As a tree in text, the run that was asked about marked.
    pub fn tree(&self) -> String {
        tree::text(self)
    }

    /// Copies that are there and hold something of the records, the run itself aside.
    pub fn holders(&self) -> impl Iterator<Item = &Copy> {
        let holds = |copy: &&Copy| matches!(copy.trace, Trace::Holds | Trace::Derived) && copy.place != Place::Gone;
        self.copies.iter().filter(holds)
    }
}
