//! What a check of a pack comes upon.

use serde::Serialize;

/// Something that is not as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Finding {
    /// The file, or the key of the certificate.
    pub what: String,
    /// What is wrong with it.
    pub says: String,
}

/// What was found so far.
#[derive(Default)]
pub(super) struct Found {
    pub findings: Vec<Finding>,
    pub notes: Vec<String>,
}

impl Found {
    pub fn wrong(&mut self, what: &str, says: impl Into<String>) {
        self.findings.push(Finding { what: what.into(), says: says.into() });
    }

    pub fn note(&mut self, says: impl Into<String>) {
        self.notes.push(says.into());
    }
}
