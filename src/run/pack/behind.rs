//! What stands behind a certificate: what still holds the records, the ledger, the files, and how to do it again.

use serde::{Deserialize, Serialize};

use crate::ledger::Head;
use crate::run::lineage::{Place, Sort, Trace};

/// Something that holds, or held, a trace of the records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Holder {
    /// What sort of thing it is.
    pub sort: Sort,
    /// What it is.
    pub what: String,
    /// What is left of the records in it.
    pub trace: Trace,
    /// Why, in words.
    pub says: String,
    /// Whether it was where it was thought to be.
    pub place: Place,
    /// It is history: `unlearn gc --purge` deletes it. Otherwise it is for its owner to decide.
    pub history: bool,
    /// SHA-256 of its weights, or of the file.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sha256: Option<String>,
}

/// A fact and where it is from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Recomputed {
    /// The fact.
    pub what: String,
    /// It was computed from files; otherwise it is what the run says of itself.
    pub from_files: bool,
}

/// The part of the ledger that is in the pack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Slice {
    /// Entries in it, without a gap.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "entries")))]
    pub entries: usize,
    /// The entry before the first of them; absent where that is the ledger's first.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub after: Option<HeadFact>,
    /// The last of them, which was the ledger's last when this was written.
    pub head: HeadFact,
    /// They tell that this model was published.
    pub published: bool,
}

/// Number and hash of an entry of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct HeadFact {
    /// Its number, from 1.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 1)))]
    pub seq: u64,
    /// Its hash.
    pub hash: String,
}

impl From<Head> for HeadFact {
    fn from(Head { seq, hash }: Head) -> HeadFact {
        HeadFact { seq, hash }
    }
}

impl From<HeadFact> for Head {
    fn from(HeadFact { seq, hash }: HeadFact) -> Head {
        Head { seq, hash }
    }
}

/// What doing it again takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Replay {
    /// SHA-256 of `replay.key`, which lies in the folder and not in the zip.
    pub key_sha256: String,
    /// The forgettings between the training and the model, in their order.
    pub steps: Vec<Step>,
    /// Whether the data alone are enough once they have lost the records: the method is exact.
    pub from_what_is_left: bool,
    /// The data are files, which are given by their folder.
    pub needs_data: bool,
    /// Why it cannot be done again from the data, where it cannot: a run or weights are needed besides.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub needs_base: Option<String>,
}

/// A forgetting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// The method.
    pub method: String,
    /// Its settings as resolved.
    #[cfg_attr(feature = "cli", schemars(schema_with = "crate::run::schema::settings_of_a_method"))]
    pub settings: serde_json::Value,
    /// Seed of it; absent where the guarantee holds against those alone who do not know it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub seed: Option<u64>,
    /// Lines of `selection.jsonl` that it obeyed, behind those of the steps before.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "lines")))]
    pub lines: usize,
    /// SHA-256 of the weights that it left.
    pub model_sha256: String,
}

/// A file of the pack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct FileFact {
    /// SHA-256 of it.
    pub sha256: String,
    /// Its length.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "bytes")))]
    pub bytes: u64,
}
