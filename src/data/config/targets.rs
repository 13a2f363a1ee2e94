//! Keys of what is to be predicted.

use super::DataConfig;
use crate::data::{TargetKind, text};
use crate::error::{Error, Result};

impl DataConfig {
    /// What is to be predicted.
    pub fn target_kind(&self) -> TargetKind {
        match text::is_of(&self.loader) {
            true => TargetKind::Text,
            false => self.targets.unwrap_or_default(),
        }
    }

    /// # Errors
    /// Keys of real targets where targets are others.
    pub(super) fn check_targets(&self) -> Result<()> {
        match self.target_kind() {
            TargetKind::Text if !text::is_of(&self.loader) => Err(Error::input(format!(
                "data.targets = \"text\" is of the loader `{}`, which needs no such key; leave it out",
                text::LOADER
            ))),
            TargetKind::Real => Ok(()),
            kind if self.standardize_targets == Some(true) => Err(Error::input(format!(
                "data.standardize_targets goes with data.targets = \"real\", and it is \"{}\"; leave it out",
                kind.name()
            ))),
            _ => Ok(()),
        }
    }
}
