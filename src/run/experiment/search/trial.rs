//! What came of settings: a line of `trials.jsonl`.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::base::write_atomic;
use crate::error::{Error, Result};
use crate::run::effect::Effect;
use crate::run::evidence::json_lines;

/// Name of the trace in the folder of a search.
pub const TRIALS: &str = "trials.jsonl";

/// How close to the retrains a model is on one search set: see [`crate::eval::closeness`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Score {
    /// On the records that were to be forgotten; absent where none of them is a training record.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0, "unit" = "1")))]
    pub forget: Option<f64>,
    /// On the validation records.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0, "unit" = "1")))]
    pub validation: f64,
    /// Seconds of the method, with what it prepares.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0, "unit" = "s")))]
    pub seconds: f64,
}

impl Score {
    /// The mean of both parts.
    pub(super) fn distance(&self) -> f64 {
        self.forget.map_or(self.validation, |forget| (forget + self.validation) / 2.0)
    }
}

/// One trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Trial {
    /// From 0, the defaults.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "1")))]
    pub number: usize,
    /// The settings that were tried; all others have their defaults, or what `--set` says.
    #[cfg_attr(feature = "cli", schemars(with = "serde_json::Value"))]
    pub settings: toml::Table,
    /// Where they lie in the unit cube over the axes.
    pub point: Vec<f64>,
    /// On each search set.
    pub scores: Vec<Score>,
    /// Their mean: 1 is a further retrain. Absent where the method diverged.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0, "unit" = "1")))]
    pub distance: Option<f64>,
    /// Mean time of the method, as a part of a retrain's.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0, "unit" = "1")))]
    pub cost: Option<f64>,
    /// What became of the weights, the worst of the sets.
    pub effect: Effect,
    /// Why there is no distance.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub note: Option<String>,
}

impl Trial {
    /// Whether it can be chosen: it was scored, is cheap enough, and the network neither stayed as it was nor broke.
    pub fn suits(&self, most: f64, role: crate::methods::Role) -> bool {
        self.distance.is_some() && self.cost.is_some_and(|cost| cost <= most) && self.effect.counts(role)
    }
}

/// The trials of an earlier process; none where there is no file.
///
/// # Errors
/// A line that is no trial.
pub(super) fn read(folder: &Path) -> Result<Vec<Trial>> {
    let path = folder.join(TRIALS);
    if !path.exists() {
        return Ok(Vec::new());
    }
    let text = fs::read_to_string(&path).map_err(Error::io("read", &path))?;
    let line = |(i, line)| {
        let wrong = |e| Error::input(format!("{} line {}: is no trial: {e}", path.display(), i + 1));
        serde_json::from_str(line).map_err(wrong)
    };
    text.lines().enumerate().map(line).collect()
}

/// Writes the whole trace.
///
/// # Errors
/// The file cannot be written.
pub(super) fn write(folder: &Path, trials: &[Trial]) -> Result<()> {
    write_atomic(&folder.join(TRIALS), json_lines(trials, TRIALS)?.as_bytes())
}
