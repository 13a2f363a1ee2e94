//! How a run is read back: its files as they were, and its data as they were or without what it has forgotten.

use super::{Opened, RunFolder};
use crate::data::{Absent, Dataset, FitOn, Line, read_requests};
use crate::error::Result;
use crate::run::config::Loaded;
use crate::run::info::RunInfo;
use crate::run::{evidence, lost, whom};

impl RunFolder {
    /// Reads configuration, facts, data and network; the weights are read by [`Opened::theta`].
    ///
    /// # Errors
    /// A folder that holds no whole run; whatever is wrong with its files; files or data that are not those that the
    /// run was made with.
    pub fn open(&self) -> Result<Opened> {
        let (info, loaded, forgotten) = self.parts_of_run()?;
        let (data, absent) = lost::load(&loaded, &info, &self.path, &forgotten)?;
        self.opened(loaded, info, data, absent, forgotten)
    }

    /// As [`RunFolder::open`], for a run that `of` is measured against or came from: where the source has lost what
    /// `of` has forgotten, and so is no longer what this run was trained on, its data are those of `of`.
    ///
    /// # Errors
    /// As [`RunFolder::open`].
    pub fn open_beside(&self, of: &Opened) -> Result<Opened> {
        let changed = match self.open() {
            Err(changed) if !of.absent.is_empty() => changed,
            other => return other,
        };
        let (info, loaded, forgotten) = self.parts_of_run()?;
        let kin = info.evidence.data_sha256 == of.info.evidence.data_sha256;
        if !kin || loaded.config.data != of.config.data {
            return Err(changed);
        }
        let data = loaded.load(FitOn::Kept(&info.data.fitted), &of.absent)?;
        self.opened(loaded, info, data, of.absent.clone(), forgotten)
    }

    /// As [`RunFolder::open`] for a member of an ensemble, whose source has lost what `absent` says.
    ///
    /// # Errors
    /// As [`RunFolder::open`].
    pub(in crate::run) fn open_member(&self, absent: &Absent) -> Result<Opened> {
        let (info, loaded, forgotten) = self.parts_of_run()?;
        let data = loaded.load(FitOn::Kept(&info.data.fitted), absent)?;
        if absent.is_empty() {
            info.evidence.check_data(&self.path, &data)?;
        }
        self.opened(loaded, info, data, absent.clone(), forgotten)
    }

    /// What the folder's own files say, each found to be as it was.
    fn parts_of_run(&self) -> Result<(RunInfo, Loaded, Vec<Line>)> {
        let info = self.read_info()?;
        self.check(&info)?;
        let mut loaded = Loaded::read(&self.config(), &[], None)?;
        loaded.config.no_recipe = !loaded.has_recipe;
        info.evidence.check_base(loaded.config.init.as_deref())?;
        let forgotten = if self.forgotten().exists() { whom::read_lines(&self.forgotten())? } else { Vec::new() };
        Ok((info, loaded, forgotten))
    }

    fn opened(
        &self,
        mut loaded: Loaded,
        info: RunInfo,
        data: Dataset,
        absent: Absent,
        forgotten: Vec<Line>,
    ) -> Result<Opened> {
        let model = loaded.model(&data, FitOn::Kept(&info.data.fitted))?;
        let requests = match self.request().exists() {
            true => Some(read_requests(&self.request())?),
            false => None,
        };
        let run_sha256 = evidence::hash_of(&self.info())?;
        let (folder, config) = (self.clone(), loaded.config);
        Ok(Opened { folder, run_sha256, info, config, data, absent, model, requests, forgotten })
    }
}
