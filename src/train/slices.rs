//! Training slice by slice (SISA, Bourtoule et al., IEEE S&P 2021): stage j learns the records of slices 0 to j, so
//! that a record of slice j was an input to nothing before stage j.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The table `train.slices`. The epochs are divided evenly among the stages, and so is the schedule: each stage goes
/// through all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Slices {
    /// Slices R; a record's is drawn by what it is called or holds and by the seed.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 1, "maximum" = 64)))]
    pub count: usize,
    /// What becomes of the optimiser's state between stages.
    #[serde(default)]
    pub optimizer: Carry,
}

/// What becomes of the optimiser's state where a stage begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Carry {
    /// It begins anew.
    #[default]
    Restart,
    /// It goes on; checkpoints hold it.
    Kept,
}

/// The table `train.keep`: checkpoints with the optimiser's state that stay in the folder `checkpoints` of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Keep {
    /// One after so many steps, or after the submission that the step is in.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 1, "unit" = "steps")))]
    pub every: u64,
    /// So many at most, the first ones: once a record was used, no later one is of use for it.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 1, "maximum" = 10000, "unit" = "checkpoints")))]
    #[serde(default = "most")]
    pub most: usize,
}

fn most() -> usize {
    20
}

/// The table `train.deltas` (Graves, Nagisetty & Ganesh, "Amnesiac machine learning", AAAI 2021): the run keeps what
/// each step added to the parameters whose batch had a record that may have to be forgotten, for `unlearn forget
/// --method amnesiac`. Steps are then taken one by one, to the same bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct DeltasConfig {
    /// A request file (`unlearn forget` reads the same) that names those records, classes or subjects; absent: all
    /// records, and so every step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<PathBuf>,
    /// Training that would keep more is refused before it begins.
    #[serde(default = "most_bytes")]
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 1, "unit" = "bytes")))]
    pub most_bytes: u64,
}

fn most_bytes() -> u64 {
    1 << 30
}

/// A stage of a fit.
pub(crate) struct Stage {
    /// From 0.
    pub index: usize,
    /// Its first step, counted from the fit's.
    pub first: u64,
    /// What it learns, in the order of the whole.
    pub records: Vec<u32>,
}
