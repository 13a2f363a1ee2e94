//! `ensemble` of `run.json`.

use serde::{Deserialize, Serialize};

use crate::data::Id;

/// What an ensemble's folder consists of. `model_sha256` of such a run is made of its members'.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct EnsembleInfo {
    /// By number; each is a run in the folder `members`.
    pub members: Vec<MemberInfo>,
    /// How the nodes of a graph were divided.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub division: Option<DivisionInfo>,
    /// How much each member counts, where that was learned.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub aggregator: Option<AggregatorInfo>,
    /// What a forgetting cost; none of a training.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cost: Option<EnsembleCost>,
    /// Which rates its records had, those of the lowest level left out: a hash. None where none are given.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub rates_sha256: Option<String>,
}

/// A division of a graph's training nodes into shards.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct DivisionInfo {
    /// Edges between training nodes, self-loops aside.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "edges")))]
    pub edges: usize,
    /// Those of them that are within a shard; the others no member was trained on.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "edges")))]
    pub kept: usize,
    /// What it goes on telling of forgotten nodes, in a sentence; none where each node is drawn by itself.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub leak: Option<String>,
}

/// Weights of the members that were learned.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct AggregatorInfo {
    /// Of each member; 1 in all.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0, "maximum" = 1)))]
    pub weights: Vec<f32>,
    /// The training nodes that they were learned from, all of them retained.
    pub fitted_on: Vec<Id>,
}

/// A member.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct MemberInfo {
    /// SHA-256 of its `run.json`.
    pub run_sha256: String,
    /// SHA-256 of its weights.
    pub model_sha256: String,
    /// Training records that it was trained on.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "records")))]
    pub records: usize,
    /// Seconds of its training, the last one.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "s")))]
    pub seconds: f64,
}

/// What a forgetting cost beside training the whole ensemble again.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct EnsembleCost {
    /// The members that were trained again.
    pub members: Vec<usize>,
    /// Records times epochs of the stages that were done again.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "records")))]
    pub visits: u64,
    /// The same of the whole ensemble without the records.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "records")))]
    pub of_visits: u64,
    /// Seconds that it took.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "s")))]
    pub seconds: f64,
    /// Seconds that the members' trainings took, each the last time that it was trained.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "s")))]
    pub of_seconds: f64,
}

impl EnsembleCost {
    /// In a sentence.
    pub fn text(&self) -> String {
        let share = 100.0 * self.visits as f64 / self.of_visits.max(1) as f64;
        format!(
            "trained again: {} members, {} records x epochs of {} ({share:.2} %), {:.3} s; the members' own trainings \
             took {:.3} s\n",
            self.members.len(),
            self.visits,
            self.of_visits,
            self.seconds,
            self.of_seconds
        )
    }
}
