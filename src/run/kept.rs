//! The checkpoints that a run keeps, and those that a forgetting takes over into the new run.

use std::fs;
use std::path::PathBuf;

use super::evidence::Evidence;
use super::folder::RunFolder;
use crate::engine::Precision;
use crate::error::{Error, Result};
use crate::nn::ParamLayout;
use crate::train::checkpoint::Checkpoint;
use crate::train::{FitState, Keeper};

/// What a kept checkpoint says it belongs to.
#[derive(Clone, Debug)]
pub(super) struct Belongs {
    pub config_sha256: String,
    pub data_sha256: String,
    pub base_sha256: Option<String>,
    pub precision: Precision,
}

/// Kept checkpoints: of a run that was finished, and the place for those of the next.
#[derive(Debug)]
pub(super) struct Kept<'a> {
    pub from: Option<(&'a RunFolder, &'a Evidence)>,
    pub to: &'a RunFolder,
    pub layout: &'a ParamLayout,
    pub belongs: Belongs,
    pub steps: Vec<u64>,
}

impl RunFolder {
    /// The folder of the checkpoints that stay.
    pub fn kept(&self) -> PathBuf {
        self.path.join("checkpoints")
    }

    /// The kept checkpoint after a step.
    pub fn kept_at(&self, step: u64) -> PathBuf {
        self.kept().join(format!("{step:010}.safetensors"))
    }

    /// The steps after which there is one, ascending.
    pub fn kept_steps(&self) -> Vec<u64> {
        let names = fs::read_dir(self.kept()).into_iter().flatten().flatten();
        let step = |name: std::ffi::OsString| name.to_str()?.strip_suffix(".safetensors")?.parse().ok();
        let mut steps: Vec<u64> = names.filter_map(|entry| step(entry.file_name())).collect();
        steps.sort_unstable();
        steps
    }

    /// Removes the kept checkpoints: of a run that is begun anew, or not written after all.
    pub fn drop_kept(&self) {
        // Not there: nothing to remove.
        fs::remove_dir_all(self.kept()).unwrap_or_default();
    }
}

impl Kept<'_> {
    fn checked(&self, step: u64) -> Result<PathBuf> {
        let Some((from, evidence)) = self.from else {
            return Err(Error::internal("a training that is begun has no earlier checkpoints"));
        };
        let path = from.kept_at(step);
        evidence.check_kept(&path)?;
        Ok(path)
    }
}

impl Keeper for Kept<'_> {
    fn steps(&self) -> &[u64] {
        &self.steps
    }

    fn load(&self, step: u64) -> Result<(Vec<f32>, FitState)> {
        let path = self.checked(step)?;
        let Checkpoint { theta, fit, config_sha256, precision, .. } = Checkpoint::load(&path, self.layout)?;
        let fail = |what: &str| Err(Error::input(format!("checkpoint {}: {what}", path.display())));
        if config_sha256 != self.belongs.config_sha256 {
            return fail("it is of another recipe than the run's; remove it");
        }
        if precision != self.belongs.precision {
            return fail("it was written with another --precision; use that one");
        }
        Ok((theta, fit))
    }

    fn carry(&self, step: u64) -> Result<()> {
        let (from, to) = (self.checked(step)?, self.to.kept_at(step));
        fs::create_dir_all(self.to.kept()).map_err(Error::io("create", &self.to.kept()))?;
        fs::copy(&from, &to).map(drop).map_err(Error::io("write", &to))
    }

    fn keep(&self, theta: &[f32], state: &FitState) -> Result<()> {
        let Belongs { config_sha256, data_sha256, base_sha256, precision } = self.belongs.clone();
        fs::create_dir_all(self.to.kept()).map_err(Error::io("create", &self.to.kept()))?;
        let (theta, fit, metrics_sha256) = (theta.to_vec(), state.clone(), String::new());
        let path = self.to.kept_at(state.step);
        Checkpoint { theta, fit, config_sha256, data_sha256, base_sha256, precision, metrics_sha256 }.save(&path)
    }
}
