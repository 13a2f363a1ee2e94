//! A RUN folder: what is in it, when it may be written to, and how it is read back.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::config::{Config, Loaded};
use super::results::{AdapterSummary, RequestSummary};
use crate::base::{sha256, write_atomic};
use crate::data::{Dataset, Normalization, Request, read_requests};
use crate::error::{Error, Result};
use crate::methods::{Details, Read, Tier};
use crate::nn::Model;
use crate::train::{Privacy, weights};

/// Name and version of `run.json`; a change that an old reader would misread raises the number.
pub const SCHEMA: &str = "unlearn.run/1";

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
    /// Family of kernels → the variant that ran.
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
}

/// The data as they were used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct DataInfo {
    /// The data set's name.
    pub name: String,
    /// One record.
    pub shape: Vec<usize>,
    /// Number of classes.
    pub classes: usize,
    /// In the order of the labels.
    pub class_names: Vec<String>,
    /// Records of each part.
    pub sizes: Sizes,
    /// How features were scaled.
    pub normalization: Normalization,
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
    /// What the method reported.
    pub details: Details,
    /// What was to be forgotten.
    pub request: RequestSummary,
    /// Digest of the weights that it started from.
    pub original_sha256: String,
}

impl DataInfo {
    /// What a run keeps of its data set.
    pub fn of(data: &Dataset) -> DataInfo {
        DataInfo {
            name: data.name.clone(),
            shape: data.shape.clone(),
            classes: data.classes,
            class_names: data.class_names.clone(),
            sizes: Sizes { train: data.train.len(), validation: data.validation.len(), test: data.test.len() },
            normalization: data.normalization.clone(),
        }
    }
}

/// What a folder is before a run is written to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Absent, or without anything of a run.
    Free,
    /// A run that did not end.
    Begun,
    /// A whole run.
    Finished,
}

/// The paths of a RUN folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunFolder {
    /// The folder.
    pub path: PathBuf,
}

impl RunFolder {
    /// The run at this path, there or not.
    pub fn new(path: &Path) -> RunFolder {
        RunFolder { path: path.to_owned() }
    }

    /// Weights under PyTorch's names.
    pub fn model(&self) -> PathBuf {
        self.path.join("model.safetensors")
    }

    /// `run.json`, written last.
    pub fn info(&self) -> PathBuf {
        self.path.join("run.json")
    }

    /// A line of JSON for each epoch.
    pub fn metrics(&self) -> PathBuf {
        self.path.join("metrics.jsonl")
    }

    /// The resolved configuration.
    pub fn config(&self) -> PathBuf {
        self.path.join("config.toml")
    }

    /// Everything a resumption needs.
    pub fn checkpoint(&self) -> PathBuf {
        self.path.join("checkpoint.safetensors")
    }

    /// The request that the run obeyed, where it forgot.
    pub fn request(&self) -> PathBuf {
        self.path.join("request.jsonl")
    }

    /// What is there now.
    pub fn state(&self) -> State {
        let parts = [self.model(), self.metrics(), self.config(), self.checkpoint(), self.request()];
        match (self.info().exists(), parts.iter().any(|p| p.exists())) {
            (true, _) => State::Finished,
            (false, true) => State::Begun,
            (false, false) => State::Free,
        }
    }

    /// Refuses a folder that holds a run.
    ///
    /// # Errors
    /// [`Error::Input`] saying what may be done instead.
    pub fn must_be_free(&self, instead: &str) -> Result<()> {
        let what = match self.state() {
            State::Free => return Ok(()),
            State::Begun => "an unfinished run",
            State::Finished => "a finished run",
        };
        Err(Error::input(format!("--out {} already holds {what}; {instead}", self.path.display())))
    }

    /// Makes the folder; returns whether it was absent.
    pub fn create(&self) -> Result<bool> {
        let absent = !self.path.exists();
        fs::create_dir_all(&self.path).map_err(Error::io("create", &self.path))?;
        Ok(absent)
    }

    /// Takes back a folder that this process made, if nothing was put in it.
    pub fn discard(&self, made: bool) {
        if made {
            // Not empty, or gone already: either way there is nothing to take back.
            fs::remove_dir(&self.path).ok();
        }
    }

    /// Removes what a killed writer left half done.
    pub fn sweep(&self) {
        let entries = fs::read_dir(&self.path).into_iter().flatten().flatten();
        for entry in entries {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.starts_with('.') && name.ends_with(".tmp") {
                fs::remove_file(entry.path()).ok();
            }
        }
    }

    /// Writes `run.json`, which makes the run a finished one.
    pub fn write_info(&self, info: &RunInfo) -> Result<()> {
        let text = serde_json::to_string_pretty(info).map_err(|e| Error::internal(format!("run.json: {e}")))?;
        write_atomic(&self.info(), (text + "\n").as_bytes())
    }

    /// # Errors
    /// [`Error::Input`] where there is no run, or one of another version.
    pub fn read_info(&self) -> Result<RunInfo> {
        let path = self.info();
        let text = fs::read_to_string(&path).map_err(|e| match (e.kind(), self.state()) {
            (std::io::ErrorKind::NotFound, State::Begun) => Error::input(format!(
                "{} holds an unfinished run; finish it with `unlearn train … --out {} --resume`",
                self.path.display(),
                self.path.display()
            )),
            (std::io::ErrorKind::NotFound, _) => {
                Error::input(format!("{} is not a run folder: there is no run.json in it", self.path.display()))
            }
            _ => Error::io("read", &path)(e),
        })?;
        let fail = |what: String| Error::input(format!("{}: {what}", path.display()));
        let value: serde_json::Value = serde_json::from_str(&text).map_err(|e| fail(format!("not JSON: {e}")))?;
        match value.get("schema").and_then(serde_json::Value::as_str) {
            Some(SCHEMA) => serde_json::from_value(value).map_err(|e| fail(e.to_string())),
            found => Err(fail(format!("schema is {}; expected {SCHEMA}", found.unwrap_or("none")))),
        }
    }

    /// Reads configuration, facts, data and network; the weights are read by [`Opened::theta`].
    ///
    /// # Errors
    /// A folder that holds no whole run; whatever is wrong with its files.
    pub fn open(&self) -> Result<Opened> {
        let info = self.read_info()?;
        let mut loaded = Loaded::read(&self.config(), &[], None)?;
        let (data, model) = loaded.build()?;
        let requests = match self.request().exists() {
            true => Some(read_requests(&self.request())?),
            false => None,
        };
        Ok(Opened { folder: self.clone(), info, config: loaded.config, data, model, requests })
    }
}

/// A run that was read back.
pub struct Opened {
    /// Where it lies.
    pub folder: RunFolder,
    /// What `run.json` says.
    pub info: RunInfo,
    /// The configuration it ran with.
    pub config: Config,
    /// Its data, loaded again.
    pub data: Dataset,
    /// Its network, without weights.
    pub model: Model,
    /// What it forgot, where it came from `forget`.
    pub requests: Option<Vec<Request>>,
}

impl Opened {
    /// The weights, as a padded flat vector.
    ///
    /// # Errors
    /// A corrupt file, or one of another model.
    pub fn theta(&self) -> Result<Vec<f32>> {
        weights::load(&self.folder.model(), &self.model.layout)
    }

    /// Digest of the weights as they are now: a checkpoint from elsewhere may have been put in their place.
    pub fn model_sha256(&self) -> Result<String> {
        let path = self.folder.model();
        fs::read(&path).map(|bytes| sha256(&bytes)).map_err(Error::io("read", &path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_free_begun_or_finished_and_left_overs_are_swept() {
        let dir = tempfile::tempdir().unwrap();
        let folder = RunFolder::new(&dir.path().join("run"));
        assert_eq!(folder.state(), State::Free);
        assert!(folder.create().unwrap() && !folder.create().unwrap());
        fs::write(folder.path.join(".model.safetensors.7.tmp"), b"half").unwrap();
        folder.sweep();
        assert_eq!((folder.state(), fs::read_dir(&folder.path).unwrap().count()), (State::Free, 0));
        fs::write(folder.checkpoint(), b"").unwrap();
        assert_eq!(folder.state(), State::Begun);
        assert!(folder.must_be_free("x").unwrap_err().to_string().contains("unfinished run"));
        assert!(folder.read_info().unwrap_err().to_string().contains("--resume"));
        fs::write(folder.info(), b"{}").unwrap();
        assert_eq!(folder.state(), State::Finished);
        assert!(folder.read_info().unwrap_err().to_string().contains("schema is none"));
        folder.discard(true);
        assert!(folder.path.exists());
    }
}
