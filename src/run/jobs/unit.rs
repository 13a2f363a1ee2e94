//! What a job does. Another kind of work is another variant of [`Unit`], with an arm in each function here.

use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use serde::{Deserialize, Serialize};

use super::Jobs;
use crate::base::{Digest, write_atomic};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::run::config::Loaded;
use crate::run::evidence::{Marks, json};
use crate::run::folder::{RunFolder, State};
use crate::run::forget_run::ForgetJob;
use crate::run::info::RunInfo;
use crate::run::results::AdapterSummary;
use crate::run::train_run::{TrainJob, TrainOptions};

/// The file of a finished job that is written last.
pub(super) const MARKER: &str = "done.json";

/// A unit of work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Unit {
    /// A training of the configuration with a seed.
    Train {
        /// The seed.
        seed: u64,
    },
    /// The plan's request, forgotten by a method in the model of another job: the retrains of a reference too.
    Forget {
        /// The job whose model it is.
        of: String,
        /// By its name.
        method: String,
        /// Of the method.
        #[serde(default, skip_serializing_if = "toml::Table::is_empty")]
        settings: toml::Table,
        /// Seed of what the method draws.
        seed: u64,
    },
}

/// What a job works with.
pub(super) struct Bench<'a> {
    pub engine: &'a mut Engine,
    /// Who does it, and why.
    pub marks: &'a Marks,
    /// Look for NaN and Inf after every dispatch.
    pub check_finite: bool,
    /// Set by Ctrl-C.
    pub interrupted: &'a AtomicBool,
}

/// The marker of a finished job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Done {
    /// The job.
    pub id: String,
    /// SHA-256 of the weights.
    pub model_sha256: String,
    /// What computed them: other adapters and drivers give other bytes.
    pub adapter: AdapterSummary,
    /// The process, in words.
    pub by: String,
    /// Claims that it took, the last one too.
    pub claims: u32,
    /// Of the process that finished it.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "s")))]
    pub seconds: f64,
}

impl Done {
    /// Writes the marker into a job's folder, behind everything else.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn write(&self, folder: &Path) -> Result<()> {
        write_atomic(&folder.join(MARKER), json(self, MARKER)?.as_bytes())
    }
}

impl Unit {
    /// In a few words.
    pub fn label(&self) -> String {
        match self {
            Unit::Train { seed } => format!("train, seed {seed}"),
            Unit::Forget { method, seed, .. } => format!("{method}, seed {seed}"),
        }
    }

    /// The jobs that must be done before.
    pub fn needs(&self) -> Vec<&str> {
        match self {
            Unit::Train { .. } => Vec::new(),
            Unit::Forget { of, .. } => vec![of],
        }
    }

    /// Adds what it is to a job's name; what it needs is named by its own inputs.
    pub(super) fn digest(&self, digest: &mut Digest) {
        match self {
            Unit::Train { seed } => digest.field("train", &seed.to_le_bytes()),
            Unit::Forget { of, method, settings, seed } => {
                digest.field("forget", of.as_bytes()).field("method", method.as_bytes());
                digest.field("settings", settings.to_string().as_bytes()).field("seed", &seed.to_le_bytes())
            }
        };
    }

    /// Does the work in `out`, where a holder that is gone may have begun it.
    ///
    /// # Errors
    /// Whatever the work refuses; data that are not those of the plan; an interruption, after which it may go on.
    pub(super) fn run(&self, jobs: &Jobs, out: &Path, bench: Bench) -> Result<RunInfo> {
        match self {
            Unit::Train { seed } => train(jobs, *seed, out, bench),
            Unit::Forget { of, method, settings, seed } => {
                // A forgetting has no checkpoints.
                if RunFolder::new(out).state() != State::Free {
                    fs::remove_dir_all(out).map_err(Error::io("remove", out))?;
                }
                let (root, request) = (jobs.finished(of).join("run"), jobs.path.join("request.jsonl"));
                let mut job = ForgetJob::prepare(&root, &request, method, settings.clone(), out)?;
                job.marks = bench.marks.clone();
                job.forget(bench.engine, Some(*seed), bench.check_finite)
            }
        }
    }
}

fn train(jobs: &Jobs, seed: u64, out: &Path, bench: Bench) -> Result<RunInfo> {
    let loaded = Loaded::read(&jobs.path.join("config.toml"), &[], Some(seed))?;
    let Some(mut job) = TrainJob::prepare(loaded, out, true)? else {
        // Its holder was gone between the last file and the marker.
        return RunFolder::new(out).read_info();
    };
    let (now, then) = (job.data.sha256(), &jobs.plan.data_sha256);
    if now != *then {
        return Err(Error::input(format!(
            "the records of {} have the hash {now}, and {} was planned for {then}: the data were changed since; bring \
             them back, or plan into another folder",
            job.data.name,
            jobs.path.display()
        )));
    }
    job.marks = bench.marks.clone();
    let options = TrainOptions {
        resume: true,
        keep_checkpoint: false,
        check_finite: bench.check_finite,
        interrupted: bench.interrupted,
        ranks: None,
    };
    job.train(bench.engine, options, &mut |_| {})
}
