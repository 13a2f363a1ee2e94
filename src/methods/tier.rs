//! What may be claimed for a method's result, and what the method read: one type each, from the registry to every file.

use serde::{Deserialize, Serialize};

/// How strong a result is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// The record was not an input to any kept parameter, nor to anything that was fitted on data.
    Exact,
    /// Parameters that have the law of a training without the record, over its random numbers; not its bytes.
    #[serde(rename = "exact-in-distribution")]
    Distribution,
    /// (ε, δ) under assumptions that the code enforces.
    Certified,
    /// To be measured against retrained references.
    Approximate,
    /// Nothing is claimed.
    Unverified,
}

impl Tier {
    /// The word of files and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Tier::Exact => "exact",
            Tier::Distribution => "exact-in-distribution",
            Tier::Certified => "certified",
            Tier::Approximate => "approximate",
            Tier::Unverified => "unverified",
        }
    }

    /// Whether what is fitted on records must be as if the forgotten ones had never been there.
    pub fn is_exact(self) -> bool {
        matches!(self, Tier::Exact | Tier::Distribution)
    }

    /// The words allowed for it.
    pub fn sentence(self) -> &'static str {
        match self {
            Tier::Exact => "the record was not an input to any kept parameter, nor to anything that was fitted on data",
            Tier::Distribution => {
                "the parameters have the law of a training without the record, over the draws of its random numbers; \
                 not the same bytes"
            }
            Tier::Certified => "(ε,δ)-certified under assumptions that the code enforces",
            Tier::Approximate => "measured against retrained references",
            Tier::Unverified => "no claim",
        }
    }
}

/// What a method read besides the model. Files of version 0.1 wrote some of them with underscores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Read {
    /// Training records that it retains.
    #[serde(alias = "retain_data")]
    RetainData,
    /// The records that it forgets.
    #[serde(alias = "forget_data")]
    ForgetData,
    /// Validation records.
    #[serde(alias = "validation_data")]
    ValidationData,
    /// Statistics kept from the training.
    #[serde(alias = "stored_statistics")]
    StoredStatistics,
}

impl Read {
    /// In words, for reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Read::RetainData => "retained data",
            Read::ForgetData => "forgotten data",
            Read::ValidationData => "validation data",
            Read::StoredStatistics => "stored statistics",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Read, Tier};

    #[test]
    fn one_name_is_written_and_older_files_are_read() {
        for (read, name) in [(Read::RetainData, "retain-data"), (Read::StoredStatistics, "stored-statistics")] {
            assert_eq!(serde_json::to_string(&read).unwrap(), format!("\"{name}\""));
            for written in [name.to_owned(), name.replace('-', "_")] {
                assert_eq!(serde_json::from_str::<Read>(&format!("\"{written}\"")).unwrap(), read);
            }
        }
        for tier in [Tier::Exact, Tier::Distribution, Tier::Certified, Tier::Approximate, Tier::Unverified] {
            assert_eq!(serde_json::to_string(&tier).unwrap(), format!("\"{}\"", tier.as_str()));
        }
        serde_json::from_str::<Tier>("\"proven\"").unwrap_err();
    }
}
