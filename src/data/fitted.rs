//! What is fitted on records, and so is part of a model: how columns became features, the classes, the normalisation.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::identity::Identity;
use super::{Normalization, Portion, TargetFit, Tokenizer};

/// How a column of a table becomes features.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct ColumnFit {
    /// Its name.
    pub column: String,
    /// What was learned of it.
    #[serde(flatten)]
    pub encoding: Encoding,
}

/// What was learned of a column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Encoding {
    /// One feature (a missing value becomes `mean`), and one more, 1 where the value is missing, with `indicator`.
    Numeric {
        /// Mean of the training records that have a value.
        mean: f64,
        /// Whether training records miss values, and `data.missing_indicator` asks for a feature that says so.
        indicator: bool,
    },
    /// One feature a category, 1 where the value is that one; a category that training has not seen is all zeros.
    Categorical {
        /// In alphabetical order (numbers that label nodes by their size, nodes as the files have them); `null`, the
        /// missing value, comes first.
        categories: Vec<Option<String>>,
    },
    /// Features of nodes that are known by their numbers alone, up to the largest that a node has.
    Numbered {
        /// One more than it.
        width: usize,
    },
}

impl Encoding {
    /// Features that a column becomes.
    pub fn width(&self) -> usize {
        match self {
            Encoding::Numeric { indicator, .. } => 1 + usize::from(*indicator),
            Encoding::Categorical { categories } => categories.len(),
            Encoding::Numbered { width } => *width,
        }
    }
}

/// Everything that was fitted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Fitted {
    /// The classes that a model has an output for, in their order; names of targets where records have no class.
    pub class_names: Vec<String>,
    /// Columns of a table; what nodes of a graph have features of, where the files do not say; empty for other data.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<ColumnFit>,
    /// How features were scaled.
    pub normalization: Normalization,
    /// What is predicted where that is no class, and how it was scaled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub targets: Option<TargetFit>,
    /// How texts became tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokenizer: Option<Tokenizer>,
}

/// Records by the file and the row that they are from; nodes and graphs by the training part and their number.
pub type Origins = HashSet<(Portion, u64)>;

/// What loading fits on.
#[derive(Clone, Copy, Debug, Default)]
pub enum FitOn<'a> {
    /// The training records.
    #[default]
    Training,
    /// The training records but these, as if they had never been there.
    Without(&'a Origins),
    /// For a shard: numbers on its first slice, classes on all of it; as if the others had never been there.
    Shard {
        /// Records that no number is fitted on.
        numbers: &'a Origins,
        /// Records whose class is not learned.
        classes: &'a Origins,
    },
    /// Nothing: what a run has kept.
    Kept(&'a Fitted),
}

impl FitOn<'_> {
    /// Whether something may be learned of a training record.
    pub(crate) fn learns(&self, record: &Identity) -> bool {
        self.learns_of((record.source, record.row))
    }

    /// The same of a record by where it is from; records on a graph have numbers in the place of rows.
    pub(crate) fn learns_of(&self, origin: (Portion, u64)) -> bool {
        match self {
            FitOn::Training => true,
            FitOn::Without(gone) | FitOn::Shard { numbers: gone, .. } => !gone.contains(&origin),
            FitOn::Kept(_) => false,
        }
    }

    /// Whether a model has an output for the class of a training record.
    pub(crate) fn learns_class(&self, record: &Identity) -> bool {
        self.learns_class_of((record.source, record.row))
    }

    /// The same of a record by where it is from.
    pub(crate) fn learns_class_of(&self, origin: (Portion, u64)) -> bool {
        match self {
            FitOn::Shard { classes, .. } => !classes.contains(&origin),
            _ => self.learns_of(origin),
        }
    }

    /// What a run has kept, where that is taken.
    pub(crate) fn kept(&self) -> Option<&Fitted> {
        match self {
            FitOn::Kept(fitted) => Some(fitted),
            _ => None,
        }
    }
}
