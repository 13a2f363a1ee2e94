//! What the store is asked for, as types.

use rusqlite::Row;
use serde::Serialize;

/// A request as the store has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Standing {
    /// Pseudonym of its `request_id`.
    pub request: String,
    /// Pseudonym of everything that it says.
    #[serde(skip)]
    pub digest: String,
    /// What its ids are ids of.
    pub kinds: String,
    /// How many ids it names.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "ids")))]
    pub ids: u64,
    /// When the person asked.
    pub received_at: String,
    /// When the person must have been answered.
    pub due_at: String,
    /// Why that is later than a month after, where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extended: Option<String>,
    /// Where it stands: `received`, `validated`, `planned`, `approved`, `running`, `verified`, `published`, `refused`
    /// or `rolled-back`.
    pub state: String,
    /// Since when.
    pub at: String,
    /// Who brought it there.
    pub actor: String,
    /// Records that it was found to mean and that the model then in use had learned or read.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "records")))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<u64>,
    /// Records of it that had been forgotten before.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "records")))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub already: Option<u64>,
    /// Why it could not be validated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub question: Option<String>,
    /// The batch that it is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch: Option<String>,
    /// Why it was refused or rolled back, as a code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// SHA-256 of the certificate of its batch, in the folder `evidence` of that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pack: Option<String>,
}

/// A state that a request came into.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Step {
    /// Number of the entry that says so.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "1")))]
    pub seq: u64,
    /// The state.
    pub state: String,
    /// Since when.
    pub at: String,
    /// Who brought it there.
    pub actor: String,
    /// In which batch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch: Option<String>,
    /// Why, where it was refused or rolled back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A model that was published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Published {
    /// Number of the entry that says so.
    pub seq: u64,
    /// Since when.
    pub at: String,
    /// The batch that it came from; none for the one that the project began with.
    pub batch: Option<String>,
    /// SHA-256 of its `run.json`.
    pub run_sha256: String,
    /// SHA-256 of its weights.
    pub model_sha256: String,
}

/// What [`standing`] reads.
pub(super) const COLUMNS: &str = "request, digest, kinds, ids, received_at, due_at, extended, state, at, actor, \
    found, already, question, batch, reason, pack";

/// A row of [`COLUMNS`].
pub(super) fn standing(row: &Row) -> rusqlite::Result<Standing> {
    Ok(Standing {
        request: row.get(0)?,
        digest: row.get(1)?,
        kinds: row.get(2)?,
        ids: row.get(3)?,
        received_at: row.get(4)?,
        due_at: row.get(5)?,
        extended: row.get(6)?,
        state: row.get(7)?,
        at: row.get(8)?,
        actor: row.get(9)?,
        found: row.get(10)?,
        already: row.get(11)?,
        question: row.get(12)?,
        batch: row.get(13)?,
        reason: row.get(14)?,
        pack: row.get(15)?,
    })
}
