//! What a certificate says of tests.

use serde::{Deserialize, Serialize};

use crate::eval::Verdict;
use crate::eval::attacks::Weighed;
use crate::run::audit::{AttackRow, Counts};

/// What was tested, with both controls beside it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Tests {
    /// What all of it comes to, in a sentence.
    pub says: String,
    /// `unlearn verify`: the model beside retrains without the records.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub verdict: Option<Judged>,
    /// `unlearn audit`: attacks that try to tell the model from one that never saw the records.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub audit: Option<Attacked>,
}

/// A verdict.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Judged {
    /// When, in UTC.
    pub made_at: String,
    /// SHA-256 of `verdict.json` as it lay beside the run.
    pub sha256: String,
    /// The control that must fail: the model before.
    pub original: Control,
    /// The retrains; one of them is held out as the control that must pass.
    pub references: Vec<Control>,
    /// What it came to.
    pub verdict: Verdict,
}

/// A run that the model was measured against.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Control {
    /// SHA-256 of its `run.json`.
    pub run_sha256: String,
    /// SHA-256 of its weights.
    pub model_sha256: String,
    /// It was there when this was written, and both hashes were computed anew from its files.
    pub recomputed: bool,
}

/// An audit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Attacked {
    /// When, in UTC.
    pub made_at: String,
    /// SHA-256 of `audit.json` as it lay beside the run.
    pub sha256: String,
    /// Chance of a retrain to fail any check.
    #[cfg_attr(feature = "cli", schemars(extend("exclusiveMinimum" = 0, "maximum" = 0.5)))]
    pub alpha: f64,
    /// Records that were asked about.
    pub records: Counts,
    /// Shadow models that were trained.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "models")))]
    pub shadows: usize,
    /// Retrains that were trained, one of them held out as the control that must pass.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "models")))]
    pub retrains: usize,
    /// Each attack on the model, on the model before, and on the retrains.
    pub attacks: Vec<AttackRow>,
    /// Retrains that fail no check when each is judged as the run is, against the others; and of how many.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "retrains")))]
    pub calibration: [usize; 2],
    /// What it came to.
    pub verdict: Weighed,
}
