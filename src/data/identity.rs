//! Who a record is: the file and the row it came from, and the names by which requests know it.

use serde::{Deserialize, Serialize};

use super::Id;

/// A part of a data set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Portion {
    /// What is trained on.
    #[default]
    Train,
    /// What is measured on during training.
    Validation,
    /// What is measured on after it.
    Test,
}

impl Portion {
    /// All of them, in the order of their numbers.
    pub const ALL: [Portion; 3] = [Portion::Train, Portion::Validation, Portion::Test];

    /// As it is written in files.
    pub fn name(self) -> &'static str {
        match self {
            Portion::Train => "train",
            Portion::Validation => "validation",
            Portion::Test => "test",
        }
    }
}

/// Where a record is now: its part and its position there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// The part.
    pub portion: Portion,
    /// From 0.
    pub position: u32,
}

/// What the ids of a data set's records are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Naming {
    /// Rows of the source, from 0 in the order of the file, before any split, filter or limit. Rows of a file of its
    /// own for validation or test are `validation:5` and `test:5`.
    #[default]
    Rows,
    /// Values of a column.
    Column(String),
    /// Paths of files, relative to the folder that was read; `test:` or `validation:` goes before those of these parts.
    Paths,
}

/// Where a record came from, and what it is called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The part whose file it is from: [`Portion::Train`] where one file holds all parts.
    pub source: Portion,
    /// Row of that file, from 0.
    pub row: u64,
    /// Its name, where records have names.
    pub name: Option<Box<str>>,
    /// The person it is of, where `data.subject` says.
    pub subject: Option<Box<str>>,
    /// What it is drawn by: made of its subject, its name or what it holds, so that no other record's coming or going
    /// changes it. 0 where it is in no part that is drawn from.
    pub key: u64,
    /// Whether `data.plant` made something else of it.
    pub planted: bool,
}

impl Identity {
    /// Rows 0 to `count` of a source, without names.
    pub(crate) fn rows(source: Portion, count: usize) -> Vec<Identity> {
        (0..count as u64).map(|row| Identity { source, row, ..Identity::default() }).collect()
    }

    /// What a request calls it.
    pub fn id(&self) -> Id {
        match (&self.name, self.source) {
            (Some(name), _) => Id::Name(name.to_string()),
            (None, Portion::Train) => Id::Number(self.row),
            (None, source) => Id::Name(format!("{}:{}", source.name(), self.row)),
        }
    }
}
