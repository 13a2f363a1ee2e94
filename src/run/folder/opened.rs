//! A run that was read back.

use super::RunFolder;
use crate::data::{Absent, Dataset, Line, Request};
use crate::error::{Error, Result};
use crate::nn::Model;
use crate::run::config::Config;
use crate::run::info::RunInfo;
use crate::run::lost;
use crate::run::reading::Reading;
use crate::train::weights;

/// A run that was read back.
pub struct Opened {
    /// Where it lies.
    pub folder: RunFolder,
    /// SHA-256 of `run.json`.
    pub run_sha256: String,
    /// What `run.json` says.
    pub info: RunInfo,
    /// The configuration it ran with.
    pub config: Config,
    /// Its data, loaded again.
    pub data: Dataset,
    /// What of the records its source has lost since it was trained.
    pub absent: Absent,
    /// Its network, without weights.
    pub model: Model,
    /// What it forgot, where it came from `forget`.
    pub requests: Option<Vec<Request>>,
    /// What those were found to mean, line by line.
    pub forgotten: Vec<Line>,
}

impl Opened {
    /// The weights, as a padded flat vector.
    ///
    /// # Errors
    /// A corrupt file, or one of another model.
    pub fn theta(&self) -> Result<Vec<f32>> {
        self.one_network()?;
        weights::load(&self.folder.model(), &self.model.layout)
    }

    /// Refuses an ensemble, for what works on the weights of one network.
    ///
    /// # Errors
    /// A sentence with what to give instead.
    pub fn one_network(&self) -> Result<()> {
        let Some(ensemble) = &self.info.ensemble else { return Ok(()) };
        let path = self.folder.path.display();
        Err(Error::input(format!(
            "{path} is an ensemble of {} networks, and this works on one: give a member, such as {path}/members/000",
            ensemble.members.len()
        )))
    }

    /// Its model, to be read on its data.
    pub fn reading<'a>(&'a self, theta: &'a [f32]) -> Reading<'a> {
        Reading { theta, forgot: self.info.forget.is_some(), model: &self.model, data: &self.data }
    }

    /// What the source no longer has, in a sentence; none where it is as it was.
    pub fn lost(&self) -> Option<String> {
        lost::sentence(&self.absent, &self.forgotten)
    }

    /// SHA-256 of the weights, which was checked when the run was opened.
    pub fn model_sha256(&self) -> &str {
        &self.info.model_sha256
    }
}
