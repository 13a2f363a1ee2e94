//! `plan.json` and `outcome.json` of a batch: what was decided before it was done, and what came of it. No id, name or
//! class stands in them.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::cost::{Predicted, Saving};
use crate::error::{Error, Result};
use crate::eval::Outcome as Verdict;
use crate::methods::Tier;
use crate::run::effect::Effect;
use crate::run::evidence;

/// Name and version of `plan.json`.
pub const PLAN: &str = "unlearn.plan/1";
/// Name and version of `outcome.json`.
pub(super) const OUTCOME: &str = "unlearn.outcome/1";

/// How a batch will be done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// [`PLAN`].
    pub schema: String,
    /// Version of the program.
    pub version: String,
    /// Name of the batch.
    pub batch: String,
    /// When, in UTC.
    pub made_at: String,
    /// By whom.
    pub actor: String,
    /// SHA-256 of the `run.json` of the run that served then.
    pub run_sha256: String,
    /// SHA-256 of its weights.
    pub model_sha256: String,
    /// The requests, the most urgent first.
    pub requests: Vec<Asked>,
    /// What they touch together.
    pub touched: Touched,
    /// Every method, and whether it suits.
    pub candidates: Vec<Candidate>,
    /// The method that will be used; none where all of it was forgotten before.
    pub method: Option<String>,
    /// Its settings that are not the defaults.
    pub settings: serde_json::Map<String, Value>,
    /// What may be claimed of it.
    pub tier: Option<Tier>,
    /// Why that method.
    pub reason: String,
    /// What it will cost; absent where nothing like it was measured.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub predicted: Option<Predicted>,
    /// What doing the requests together saves.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub saving: Option<Saving>,
    /// What the result must pass.
    pub gate: Gate,
}

/// A request in a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// Its pseudonym.
    pub request: String,
    /// When the person must have been answered.
    pub due_at: String,
    /// Records, and ids that another request of the batch names too.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "records")))]
    pub found: usize,
    /// Records that went before.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "records")))]
    pub already: usize,
}

/// What requests touch together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Touched {
    /// Everything that leaves: records, nodes, edges, features.
    pub things: Counted,
    /// Of that, training records.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "records")))]
    pub train: usize,
    /// Records of the validation and test part, which no parameter saw.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "records")))]
    pub unseen: usize,
    /// Training records that stay.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "records")))]
    pub retained: usize,
    /// Classes that lose a record.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "classes")))]
    pub classes: usize,
    /// Classes of which nothing stays.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "classes")))]
    pub whole_classes: usize,
    /// Identical records that stay, same input and same label.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "records")))]
    pub twins: usize,
    /// Nodes that stay and whose outputs can change, on a graph.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "nodes")))]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub influenced: Option<usize>,
    /// Numbers of the shards that had them, in an ensemble.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub shards: Option<Vec<usize>>,
    /// Checkpoints of the training that are kept, where there are any.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "checkpoints")))]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub checkpoints: Option<usize>,
}

/// How many, and of what kinds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Counted {
    /// How many.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "things")))]
    pub count: usize,
    /// The kinds of the requests' lines.
    pub kinds: Vec<String>,
}

/// A method beside this run and these records.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Candidate {
    /// Its name.
    pub method: String,
    /// What may be claimed of it.
    pub tier: Tier,
    /// Why it does not suit; absent where it does.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub unsuited: Option<String>,
    /// What it will cost; absent where nothing like it was measured.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub predicted: Option<Predicted>,
}

/// What a result must pass to be published.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Gate {
    /// The weakest tier that is let pass; any where it is absent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tier: Option<Tier>,
    /// Percentage points of test accuracy that may be lost; any where it is absent.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "%")))]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub max_drop: Option<f64>,
    /// Retrains that it is judged against: the verdict must be a pass. Without any there is no verdict.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "retrains")))]
    pub references: u16,
    /// Shadow models of the audit that it must pass; 0: there is none.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "models")))]
    pub shadows: u16,
}

/// What came of a batch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// `unlearn.outcome/1`
    pub schema: String,
    /// Version of the program.
    pub version: String,
    /// Name of the batch.
    pub batch: String,
    /// When, in UTC.
    pub made_at: String,
    /// SHA-256 of the batch's `plan.json`.
    pub plan_sha256: String,
    /// SHA-256 of the `run.json` of what was made; absent where nothing was.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub run_sha256: Option<String>,
    /// SHA-256 of its weights.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub model_sha256: Option<String>,
    /// What may be claimed of it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tier: Option<Tier>,
    /// What became of the weights.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub effect: Option<Effect>,
    /// What had been predicted.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub predicted: Option<Predicted>,
    /// Seconds that the method took.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "s")))]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub seconds: Option<f64>,
    /// Test accuracy of the run that served before.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0, "maximum" = 1)))]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub accuracy_before: Option<f64>,
    /// Test accuracy of what was made.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0, "maximum" = 1)))]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub accuracy_after: Option<f64>,
    /// The verdict beside retrains, where the gate asks for one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub verdict: Option<Verdict>,
    /// SHA-256 of `verdict.json` beside the run.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub verdict_sha256: Option<String>,
    /// The audit, where the gate asks for one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub audit: Option<Verdict>,
    /// SHA-256 of `audit.json` beside the run.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub audit_sha256: Option<String>,
    /// Why it did not pass, as codes; empty where it did.
    pub failed: Vec<String>,
    /// The same in sentences.
    pub reasons: Vec<String>,
}

impl Outcome {
    /// Whether it may be published.
    pub fn passed(&self) -> bool {
        self.failed.is_empty()
    }
}

/// Reads a document of a batch.
pub(super) fn read<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T> {
    let text = std::fs::read_to_string(path).map_err(Error::io("read", path))?;
    serde_json::from_str(&text).map_err(|e| Error::input(format!("{}: {e}", path.display())))
}

/// Writes a document of a batch, whole.
pub(super) fn write(path: &Path, document: &impl Serialize) -> Result<()> {
    crate::base::write_atomic(path, evidence::json(document, "a document of a batch")?.as_bytes())?;
    crate::base::sync_folder(path)
}
