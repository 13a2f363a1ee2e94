//! What a job does. Another kind of work is another variant of [`Unit`], with an arm in each function here.

use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use serde::{Deserialize, Serialize};

use super::Jobs;
use crate::base::{Digest, write_atomic};
use crate::data::Dataset;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::run::config::Loaded;
use crate::run::ensemble::{EnsembleJob, copy};
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
    /// A member of the ensemble that a training of the configuration with a seed is.
    Member {
        /// The ensemble's seed.
        seed: u64,
        /// From 0.
        member: usize,
    },
    /// The ensemble of members that are trained.
    Ensemble {
        /// Its seed.
        seed: u64,
        /// The jobs of its members, in their order.
        members: Vec<String>,
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
            Unit::Member { seed, member } => format!("member {member}, seed {seed}"),
            Unit::Ensemble { seed, members } => format!("ensemble of {}, seed {seed}", members.len()),
            Unit::Forget { method, seed, .. } => format!("{method}, seed {seed}"),
        }
    }

    /// The jobs that must be done before.
    pub fn needs(&self) -> Vec<&str> {
        match self {
            Unit::Train { .. } | Unit::Member { .. } => Vec::new(),
            Unit::Ensemble { members, .. } => members.iter().map(String::as_str).collect(),
            Unit::Forget { of, .. } => vec![of],
        }
    }

    /// Adds what it is to a job's name; what it needs is named by its own inputs.
    pub(super) fn digest(&self, digest: &mut Digest) {
        match self {
            Unit::Train { seed } => digest.field("train", &seed.to_le_bytes()),
            Unit::Member { seed, member } => {
                digest.field("seed", &seed.to_le_bytes()).field("member", &(*member as u64).to_le_bytes())
            }
            Unit::Ensemble { seed, members } => {
                for id in members {
                    digest.field("of", id.as_bytes());
                }
                digest.field("ensemble", &seed.to_le_bytes())
            }
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
            Unit::Train { seed } => train(jobs, (*seed, None), out, bench),
            Unit::Member { seed, member } => train(jobs, (*seed, Some(*member)), out, bench),
            Unit::Ensemble { seed, members } => assemble(jobs, *seed, members, out, bench),
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

fn train(jobs: &Jobs, (seed, member): (u64, Option<usize>), out: &Path, bench: Bench) -> Result<RunInfo> {
    let mut loaded = Loaded::read(&jobs.path.join("config.toml"), &[], Some(seed))?;
    if let Some(member) = member {
        // Of a shard less is known than what the plan was made for.
        jobs.check_data(&loaded.config.load()?)?;
        loaded = loaded.member(member);
    }
    let Some(mut job) = TrainJob::prepare(loaded, out, true)? else {
        // Its holder was gone between the last file and the marker.
        return RunFolder::new(out).read_info();
    };
    if member.is_none() {
        jobs.check_data(&job.data)?;
    }
    job.marks = bench.marks.clone();
    job.train(bench.engine, bench.options(), &mut |_| {})
}

/// Puts members together, as a training of them all would have.
fn assemble(jobs: &Jobs, seed: u64, members: &[String], out: &Path, bench: Bench) -> Result<RunInfo> {
    if RunFolder::new(out).state() != State::Finished && out.exists() {
        fs::remove_dir_all(out).map_err(Error::io("remove", out))?;
    }
    let folder = RunFolder::new(out);
    for (index, id) in members.iter().enumerate() {
        if folder.state() != State::Finished {
            copy(&jobs.finished(id).join("run"), &folder.member(index))?;
        }
    }
    let loaded = Loaded::read(&jobs.path.join("config.toml"), &[], Some(seed))?;
    let Some(mut job) = EnsembleJob::prepare(loaded, out, true)? else { return folder.read_info() };
    job.marks = bench.marks.clone();
    job.train(bench.engine, bench.options(), &mut |_| {})
}

impl<'a> Bench<'a> {
    fn options(&self) -> TrainOptions<'a> {
        TrainOptions {
            resume: true,
            keep_checkpoint: false,
            check_finite: self.check_finite,
            interrupted: self.interrupted,
            ranks: None,
        }
    }
}

impl Jobs {
    /// Refuses data that are not those of the plan.
    fn check_data(&self, data: &Dataset) -> Result<()> {
        let (now, then) = (data.sha256(), &self.plan.data_sha256);
        match now == *then {
            true => Ok(()),
            false => Err(Error::input(format!(
                "the records of {} have the hash {now}, and {} was planned for {then}: the data were changed since; \
                 bring them back, or plan into another folder",
                data.name,
                self.path.display()
            ))),
        }
    }
}
