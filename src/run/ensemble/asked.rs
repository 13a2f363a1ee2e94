//! A member that is asked something.

use std::path::Path;

use crate::data::{Dataset, FitOn};
use crate::error::{Error, Result};
use crate::nn::Model;
use crate::run::config::Loaded;
use crate::run::folder::RunFolder;
use crate::run::info::RunInfo;
use crate::run::reading::Reading;
use crate::train::weights;

/// A member with data to read it on.
pub(super) struct Asked {
    pub data: Dataset,
    model: Model,
    theta: Vec<f32>,
}

impl Asked {
    /// A member's weights and network; `data` gives what it is read on, by its configuration.
    pub fn of(
        folder: &RunFolder,
        info: &RunInfo,
        test: Option<&Path>,
        data: impl FnOnce(&Loaded) -> Result<Dataset>,
    ) -> Result<Asked> {
        folder.check(info)?;
        let mut loaded = Loaded::read(&folder.config(), &[], None)?;
        if let Some(file) = test {
            loaded.config.data.test_path = Some(std::path::absolute(file).map_err(Error::io("read", file))?);
        }
        let data = data(&loaded)?;
        let model = loaded.model(&data, FitOn::Kept(&info.data.fitted))?;
        let theta = weights::load(&folder.model(), &model.layout)?;
        Ok(Asked { data, model, theta })
    }

    /// The same as it is read.
    pub fn reading(&self, forgot: bool) -> Reading<'_> {
        Reading { theta: &self.theta, model: &self.model, data: &self.data, forgot }
    }
}
