//! How columns and channels are named in a configuration.

use serde::{Deserialize, Serialize};

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
