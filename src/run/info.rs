//! `run.json` as types: what a run was made of, and how it forgot.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::effect::Effect;
use super::evidence::{Evidence, Residue};
use super::first_step::FirstStep;
use super::results::{AdapterSummary, RequestSummary};
use crate::data::{Dataset, Fitted};
use crate::methods::{Details, Read, Tier};
use crate::train::Privacy;

/// Name and version of `run.json`; a change that an old reader would misread raises the number.
pub const SCHEMA: &str = "unlearn.run/2";

/// `run.json`: written last, so that its presence says that the run is whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct RunInfo {
    /// [`SCHEMA`].
    pub schema: String,
    /// Version of the program.
    pub version: String,
    /// Where it ran.
    pub adapter: AdapterSummary,
    /// Family of kernels → the variants that ran, `(tuned)` where `unlearn tune` chose one.
    pub variants: BTreeMap<String, String>,
    /// Of parameters, order and dropout.
    pub seed: u64,
    /// What it was trained on.
    pub data: DataInfo,
    /// Number of real parameters.
    pub parameters: usize,
    /// Epochs done.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "epochs")))]
    pub epochs: usize,
    /// Steps done.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "steps")))]
    pub steps: u64,
    /// Kernel launches of a training step.
    #[serde(default)]
    pub dispatches_per_step: usize,
    /// GPU memory that was held before the first step.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "bytes")))]
    pub planned_gpu_bytes: u64,
    /// Bytes moved between host and GPU.
    pub traffic: TrafficInfo,
    /// Seconds of training or forgetting in this process, evaluation excluded.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "s")))]
    pub seconds: f64,
    /// How long the first step was in coming, where this process took it from the start of a training.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub first_step: Option<FirstStep>,
    /// Digest of the weights' file.
    pub model_sha256: String,
    /// Digest of what training depended on (see [`Config::train_digest`]).
    pub config_sha256: String,
    /// What differentially private training spent. A run that forgot has none: what forgets by its data again keeps no
    /// such promise.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub privacy: Option<Privacy>,
    /// Present where the run came from `forget`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub forget: Option<ForgetInfo>,
    /// What binds the run to its data, its files and the runs that it came from.
    pub evidence: Evidence,
    /// SHA-256 of this document with nothing in the place of this hash; writing the file puts it there.
    #[serde(default)]
    pub run_sha256: String,
}

/// The data as they were used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct DataInfo {
    /// The data set's name.
    pub name: String,
    /// One record.
    pub shape: Vec<usize>,
    /// Number of classes that the model has an output for.
    pub classes: usize,
    /// Records of each part.
    pub sizes: Sizes,
    /// What was fitted on records, and so is part of the model.
    #[serde(flatten)]
    pub fitted: Fitted,
}

/// Number of records of each part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Sizes {
    /// Training records.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "records")))]
    pub train: usize,
    /// Validation records.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "records")))]
    pub validation: usize,
    /// Test records.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "records")))]
    pub test: usize,
}

/// Bytes between host and GPU.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct TrafficInfo {
    /// Up before the first step: data and parameters, once.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "bytes")))]
    pub up_before_start: u64,
    /// During the steps, per step: indices, seeds and learning rates up, two scalars down.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "bytes")))]
    pub up_per_step: f64,
    /// Bytes from the GPU to the host, per step.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "bytes")))]
    pub down_per_step: f64,
}

/// How a run forgot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct ForgetInfo {
    /// The method's name.
    pub method: String,
    /// What may be claimed of it.
    pub tier: Tier,
    /// As resolved; only shown.
    #[cfg_attr(feature = "cli", schemars(schema_with = "crate::run::schema::settings_of_a_method"))]
    pub settings: serde_json::Value,
    /// What the method read.
    pub reads: Vec<Read>,
    /// Seconds of the forgetting itself.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "s")))]
    pub method_s: f64,
    /// Seconds of statistics that could be kept for the next request.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "s")))]
    pub precompute_s: f64,
    /// What became of the weights.
    pub effect: Effect,
    /// What the method reported.
    pub details: Details,
    /// What was to be forgotten.
    pub request: RequestSummary,
    /// Digest of the weights that it started from.
    pub original_sha256: String,
    /// What the tier rests on.
    pub conditions: Vec<String>,
    /// What still holds something of the records.
    pub residue: Vec<Residue>,
}

impl DataInfo {
    /// What a run keeps of its data set.
    pub fn of(data: &Dataset) -> DataInfo {
        DataInfo {
            name: data.name.clone(),
            shape: data.shape.clone(),
            classes: data.learned.len(),
            sizes: Sizes { train: data.train.len(), validation: data.validation.len(), test: data.test.len() },
            fitted: data.fitted(),
        }
    }
}
