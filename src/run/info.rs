//! `run.json` as types: what a run was made of, and how it forgot.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use ensemble::{AggregatorInfo, DivisionInfo, EnsembleCost, EnsembleInfo, MemberInfo};

mod ensemble;

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
    /// How early stopping read the validation part, where the recipe has it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub stopping: Option<Stopping>,
    /// Present where the run came from `forget`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub forget: Option<ForgetInfo>,
    /// Where its weights came from.
    #[serde(default)]
    pub origin: Origin,
    /// The file that they came from, where they were imported.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub imported: Option<Imported>,
    /// What it consists of, where it is several networks.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ensemble: Option<EnsembleInfo>,
    /// What binds the run to its data, its files and the runs that it came from.
    pub evidence: Evidence,
    /// SHA-256 of this document with nothing in the place of this hash; writing the file puts it there.
    #[serde(default)]
    pub run_sha256: String,
}

/// What early stopping read, and what it chose: the validation part is no fresh one for this run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Stopping {
    /// The epoch whose weights the run ends with, from 1.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 1, "unit" = "epochs")))]
    pub epoch: usize,
    /// How often the validation part was read to choose it.
    pub readings: usize,
}

/// Where the weights of a run came from, before whatever it forgot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// A training by this program.
    #[default]
    Trained,
    /// A file, of a training that this program knows nothing of.
    Imported,
}

/// Where the weights of an imported run came from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Imported {
    /// The file, where it lay.
    pub path: PathBuf,
    /// SHA-256 of it.
    pub sha256: String,
    /// `safetensors` or `pytorch`.
    pub format: String,
    /// The key of a checkpoint that the weights were found under.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub key: Option<String>,
    /// Names that the file has for parameters, where they are others: (the file's, the model's).
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub renamed: Vec<(String, String)>,
    /// Names in the file that are no weights of the model, and were passed over.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub ignored: Vec<String>,
    /// Whether a recipe (`[train]`) came with it, for methods that train anew.
    pub recipe: bool,
    /// How its logits agree with those that the model was known to give.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub agreement: Option<Agreement>,
}

/// How the logits of a network agree with others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Agreement {
    /// The file with the others.
    pub path: PathBuf,
    /// SHA-256 of it.
    pub sha256: String,
    /// Records that were compared.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "records")))]
    pub records: usize,
    /// Largest difference of two logits, as a share of the largest logit.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0)))]
    pub difference: f64,
    /// The difference that was let pass.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0)))]
    pub tolerance: f64,
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
