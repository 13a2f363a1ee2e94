//! How columns and channels are named in a configuration.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// A column of a table: its name, or its position counted from 0 (from the end where negative).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Column {
    /// By its position from 0; negative ones count from the end.
    Index(i64),
    /// By its heading in the first line.
    Name(String),
}

/// The key `label`: a column, or several where records have targets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Label {
    /// One column.
    One(Column),
    /// Columns of `data.targets`, in the order of the network's outputs.
    Several(Vec<Column>),
}

impl Label {
    /// All of them.
    pub fn columns(&self) -> &[Column] {
        match self {
            Label::One(column) => std::slice::from_ref(column),
            Label::Several(columns) => columns,
        }
    }

    /// The column of the class.
    ///
    /// # Errors
    /// Several columns, or none.
    pub fn class(&self) -> Result<&Column> {
        match self.columns() {
            [column] => Ok(column),
            several => Err(Error::input(format!(
                "data.label names {} columns, and a class is one; set data.targets to \"real\" or \"multi_label\" \
                 where several columns are to be predicted",
                several.len()
            ))),
        }
    }
}

/// How a column of a table is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ColumnKind {
    /// One feature; a missing value becomes the training mean.
    Numeric,
    /// One feature per category seen in training; a missing value is a category of its own.
    Categorical,
    /// Not read.
    Drop,
}

/// Where the channels of pictures stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// `[n, channels, height, width]`, PyTorch's.
    Nchw,
    /// `[n, height, width, channels]`, TensorFlow's and that of picture files.
    Nhwc,
}
