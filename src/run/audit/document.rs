//! `audit.json`: what an audit found, and by what.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::unlearned::Divergences;
use super::weights::Weights;
use crate::eval::attacks::{ForgettingQuality, Spreads, Success, Weighed};
use crate::run::evidence::Parent;
use crate::run::results::{AdapterSummary, RequestSummary};

/// Name and version of the document.
pub const SCHEMA: &str = "unlearn.audit/1";

/// What `audit` prints and writes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Audit {
    /// [`SCHEMA`].
    pub schema: String,
    /// Version of the program.
    pub version: String,
    /// When, in UTC (RFC 3339).
    pub made_at: String,
    /// Where it ran.
    pub adapter: AdapterSummary,
    /// The run that was audited.
    pub run: Parent,
    /// The method that made it.
    pub method: String,
    /// The run before forgetting: the control that must fail.
    pub original: Parent,
    /// Retrains that were given or found: controls that must pass.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub references: Vec<Parent>,
    /// What was asked to be forgotten.
    pub request: RequestSummary,
    /// What the draws of the audit go by.
    pub seed: u64,
    /// Chance of a retrain to fail any check.
    #[cfg_attr(feature = "cli", schemars(extend("exclusiveMinimum" = 0, "maximum" = 0.5)))]
    pub alpha: f64,
    /// Records that were asked about.
    pub records: Counts,
    /// Models that were trained to compare with.
    pub models: Models,
    /// Each attack on each model.
    pub attacks: Vec<AttackRow>,
    /// Retrains that fail no check when each is judged as the run is, against the others; and of how many.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "retrains")))]
    pub calibration: [usize; 2],
    /// Score of the NeurIPS 2023 challenge, where models were made to forget.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub forgetting_quality: Option<ForgettingQuality>,
    /// How far margins of models that were made to forget diverge from those of retrains (KLoM).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub klom: Option<Divergences>,
    /// How far the weights moved.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub weights: Option<Weights>,
    /// What is not in the audit, with the reason.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub not_measured: Vec<String>,
    /// What it came to.
    pub verdict: Weighed,
    /// SHA-256 of this document with nothing in the place of this hash.
    pub audit_sha256: String,
}

/// How many records of each group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Counts {
    /// Forgotten ones.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "records")))]
    pub forgotten: usize,
    /// Ones that no audited model had, beside them.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "records")))]
    pub held_out: usize,
    /// Others of these, that RMIA compares with.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "records")))]
    pub population: usize,
    /// The most memorised among the forgotten.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "records")))]
    pub vulnerable: usize,
}

/// Models that the audit trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Models {
    /// On the retained records and half of the forgotten and held-out ones each.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "models")))]
    pub shadows: usize,
    /// On the retained records alone, one of them held out as a control.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "models")))]
    pub retrains: usize,
    /// Trained on all records and made to forget by the run's method.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "models")))]
    pub unlearned: usize,
    /// How many of all these were there from an earlier audit.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "models")))]
    pub cached: usize,
    /// Whose spread the distributions of LiRA have.
    pub spreads: Spreads,
    /// Why they were not trained as stacks; absent where they were.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub one_by_one: Option<String>,
    /// Where they are kept; the run that was trained, where none are.
    pub folder: PathBuf,
}

impl Models {
    /// None were trained, for a run whose models lie in this folder.
    pub(super) fn none(folder: PathBuf) -> Models {
        let (shadows, retrains, unlearned, cached) = (0, 0, 0, 0);
        Models { shadows, retrains, unlearned, cached, spreads: Spreads::Fixed, one_by_one: None, folder }
    }
}

/// One attack.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct AttackRow {
    /// Its name.
    pub attack: String,
    /// On the audited model.
    pub run: Success,
    /// On the model before forgetting.
    pub original: Success,
    /// Mean AUC on the retrains.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0, "maximum" = 1)))]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub retrain_auc: Option<f64>,
    /// Its standard deviation over them.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "1")))]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub retrain_sd: Option<f64>,
}
