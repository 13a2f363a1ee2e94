//! What a training writes while it is under way, and what it takes up again.

use super::TrainJob;
use crate::base::sha256;
use crate::engine::Precision;
use crate::error::{Error, Result};
use crate::run::kept::{Belongs, Kept};
use crate::run::written::{EpochLine, another_configuration, metrics_text, write_config, write_metrics};
use crate::train::checkpoint::Checkpoint;
use crate::train::{FitState, Keeper, weights};

impl TrainJob {
    /// Writes what a resumption needs. Configuration and metrics first: a checkpoint never lacks what belongs to it.
    ///
    /// # Errors
    /// Numbers that are not finite, so that the last good checkpoint stays; a file that cannot be written.
    pub(super) fn save(
        &self,
        (theta, fit): (Vec<f32>, FitState),
        lines: &[EpochLine],
        precision: Precision,
    ) -> Result<()> {
        for vector in std::iter::once(&theta).chain(&fit.vectors) {
            weights::check_finite(&self.model.layout, vector, "training")?;
        }
        write_config(&self.folder, &self.config)?;
        write_metrics(&self.folder, lines)?;
        let (config_sha256, data_sha256) = (self.digest.clone(), self.data_sha256.clone());
        let base_sha256 = self.base_sha256.clone();
        let metrics_sha256 = sha256(metrics_text(lines)?.as_bytes());
        Checkpoint { theta, fit, config_sha256, data_sha256, base_sha256, precision, metrics_sha256 }
            .save(&self.folder.checkpoint())
    }

    /// Writes a checkpoint that stays.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub(super) fn keep(&self, theta: &[f32], state: &FitState, precision: Precision) -> Result<()> {
        let belongs = Belongs {
            config_sha256: self.digest.clone(),
            data_sha256: self.data_sha256.clone(),
            base_sha256: self.base_sha256.clone(),
            precision,
        };
        let (to, layout) = (&self.folder, &self.model.layout);
        Kept { from: None, to, layout, belongs, steps: Vec::new() }.keep(theta, state)
    }

    /// The checkpoint to go on from, if there is one and it is wanted.
    ///
    /// # Errors
    /// One of another configuration, of other data, another base model or another precision.
    pub(super) fn checkpoint(&self, precision: Precision, resume: bool) -> Result<Option<Checkpoint>> {
        let path = self.folder.checkpoint();
        if !resume || !path.exists() {
            return Ok(None);
        }
        let checkpoint = Checkpoint::load(&path, &self.model.layout)?;
        let shorter = self.longer.as_ref().is_some_and(|longer| longer.digest == checkpoint.config_sha256);
        if checkpoint.config_sha256 != self.digest && !shorter {
            return Err(another_configuration(&self.folder, &self.config));
        }
        if checkpoint.data_sha256 != self.data_sha256 {
            return Err(Error::input(format!(
                "--resume: the records of {} have the hash {}, and the training in {} was begun on records with the \
                    hash {}: the data were changed since; bring them back as they were, or use another --out",
                self.data.name,
                self.data_sha256,
                self.folder.path.display(),
                checkpoint.data_sha256
            )));
        }
        if checkpoint.base_sha256 != self.base_sha256 {
            let word = |hash: &Option<String>| hash.clone().unwrap_or_else(|| "none".into());
            return Err(Error::input(format!(
                "--resume: the weights of `init` have the SHA-256 {}, and the training in {} was begun with {}: bring \
                    them back as they were, or use another --out",
                word(&self.base_sha256),
                self.folder.path.display(),
                word(&checkpoint.base_sha256)
            )));
        }
        if checkpoint.precision != precision {
            return Err(Error::input(format!(
                "--resume: the training in {} was begun with --precision {}, and this is --precision {}: go on with \
                    the same one, or use another --out",
                self.folder.path.display(),
                checkpoint.precision.word(),
                precision.word()
            )));
        }
        Ok(Some(checkpoint))
    }
}
