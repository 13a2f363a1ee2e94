//! `certificate.json` as types: what was asked, what was done, what it guarantees, what was tested, what still holds
//! the records. No id, name or value of a record is in it, and no path of the machine that wrote it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use super::behind::{FileFact, HeadFact, Holder, Recomputed, Replay, Slice, Step};
pub use super::tested::{Attacked, Control, Judged, Tests};
use crate::error::{Error, Result};
use crate::eval::Outcome;
use crate::methods::{Read, Tier};
use crate::run::effect::Effect;
use crate::run::results::AdapterSummary;

/// Name and version of the document.
pub const SCHEMA: &str = "unlearn.certificate/1";

/// `certificate.json` of a pack.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// [`SCHEMA`].
    pub schema: String,
    /// Version of the program that wrote it.
    pub version: String,
    /// When, in UTC (RFC 3339).
    pub issued_at: String,
    /// Whose key signs it.
    pub signer: Signer,
    /// What was asked: every request that the model has forgotten since its training, in their order.
    pub requests: Vec<Asked>,
    /// The records that left and those that stay.
    pub records: Records,
    /// What was done.
    pub done: Done,
    /// The data, by their hashes.
    pub data: Data,
    /// The model, by its hashes.
    pub model: Models,
    /// What may be claimed, and under which conditions.
    pub guarantee: Promise,
    /// What was tested.
    pub tests: Tests,
    /// What still holds something of the records.
    pub holders: Vec<Holder>,
    /// What this document does not show, in plain words.
    pub limits: Vec<String>,
    /// What was computed anew from files when this was written, and what is only said by the run.
    pub recomputed: Vec<Recomputed>,
    /// The entries of the ledger that are in the pack; absent where the run belongs to no ledger.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ledger: Option<Slice>,
    /// What doing it again takes.
    pub replay: Replay,
    /// Every other file of the pack, by its path in it.
    pub files: BTreeMap<String, FileFact>,
}

/// Whose key signs a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Signer {
    /// `Ed25519` (RFC 8032).
    pub algorithm: String,
    /// The public key's 32 bytes, in hexadecimal.
    pub public_key: String,
    /// SHA-256 of these bytes: what people compare.
    pub fingerprint: String,
}

/// A request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// HMAC-SHA-256 of its name under the project's key, as the ledger has it.
    pub pseudonym: String,
    /// What its ids are ids of: `sample`, `subject`, `class`, `node`, `edge`, `feature`, or `mixed`.
    pub kind: String,
    /// Ids that it names.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "ids")))]
    pub ids: usize,
    /// Records, nodes, edges or features that these were found to mean.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "records")))]
    pub records: usize,
    /// Those of them that a parameter was trained on.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "records")))]
    pub trained_on: usize,
    /// Identical records, same input and same label, that nobody asked about and that stay.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "records")))]
    pub twins: usize,
    /// When it came in, as the ledger says.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub received_at: Option<String>,
    /// When it is due, as the ledger says.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub due_at: Option<String>,
}

/// Which records left and which stay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Records {
    /// Records, nodes, edges or features that were taken out.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "records")))]
    pub removed: usize,
    /// Training records that stay.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "records")))]
    pub kept: usize,
    /// HMAC-SHA-256, under the key of this pack, of the JSON list of the removed ids in the order of the requests.
    pub removed_list: String,
    /// The same of the training records that stay, in the order of the data.
    pub kept_list: String,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Done {
    /// When the run was finished, in UTC.
    pub made_at: String,
    /// SHA-256 of its `run.json`.
    pub run_sha256: String,
    /// Version of the program that made it.
    pub version: String,
    /// The method.
    pub method: String,
    /// Its settings as resolved.
    #[cfg_attr(feature = "cli", schemars(schema_with = "crate::run::schema::settings_of_a_method"))]
    pub settings: serde_json::Value,
    /// Seed of everything random in it; absent where the guarantee holds against those alone who do not know it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub seed: Option<u64>,
    /// Where it ran.
    pub adapter: AdapterSummary,
    /// Family of kernels → the variants that ran.
    pub variants: BTreeMap<String, String>,
    /// What the method read besides the model.
    pub reads: Vec<Read>,
    /// What became of the weights.
    pub effect: Effect,
    /// Steps that it took.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "steps")))]
    pub steps: u64,
    /// Seconds that it took, statistics included.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "s")))]
    pub seconds: f64,
    /// Networks of which the model consists.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "networks")))]
    pub networks: usize,
    /// Networks that were trained again, where there are several.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "networks")))]
    pub trained_again: Option<usize>,
}

/// The data before and after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Data {
    /// SHA-256 of all records that the configuration loads, the removed ones included, as the training was given them.
    pub before_sha256: String,
    /// SHA-256 of the retained records as the model is given them; absent where records are on a graph.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub after_sha256: Option<String>,
    /// The source has lost the removed records already.
    pub source_lost_them: bool,
}

/// The model before and after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Models {
    /// SHA-256 of the weights that the last forgetting started from.
    pub before_sha256: String,
    /// SHA-256 of the weights of the training at the beginning of all.
    pub trained_sha256: String,
    /// SHA-256 of the weights in the pack. Of several networks: the hash that `run.json` has of them together.
    pub after_sha256: String,
    /// SHA-256 of the weights that training began with, where it did not begin with fresh ones.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub base_sha256: Option<String>,
    /// Real parameters of it, of one network where there are several.
    pub parameters: usize,
}

/// What may be claimed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Promise {
    /// The word.
    pub tier: Tier,
    /// What it says, in a sentence.
    pub says: String,
    /// What it rests on.
    pub conditions: Vec<String>,
}

impl Certificate {
    /// The document as text.
    ///
    /// # Errors
    /// A number that is none.
    pub fn text(&self) -> Result<String> {
        let text = serde_json::to_string_pretty(self).map_err(|e| Error::internal(format!("certificate.json: {e}")));
        text.map(|text| text + "\n")
    }

    /// What the tests came to; none where there were none.
    pub fn outcome(&self) -> Option<Outcome> {
        let verdict = self.tests.verdict.as_ref().map(|judged| judged.verdict.outcome);
        let audit = self.tests.audit.as_ref().map(|attacked| attacked.verdict.outcome);
        match (verdict, audit) {
            (Some(Outcome::Pass), Some(other)) | (Some(other), Some(Outcome::Pass)) => Some(other),
            (Some(Outcome::Inconclusive), Some(other)) => Some(other),
            (one, other) => one.or(other),
        }
    }
}
