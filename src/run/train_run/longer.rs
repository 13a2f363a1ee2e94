//! A training that goes on with more epochs than it was begun with.

use std::fs;

use super::super::config::Config;
use super::super::folder::{RunFolder, State};
use super::super::hold::Hold;
use super::super::info::{Origin, RunInfo};
use crate::error::{Error, Result};
use crate::train::{Schedule, TrainConfig};

/// What a folder was begun with, where that differs from what it is to go on with in the number of epochs alone.
pub(super) struct Longer {
    /// Digest of the configuration that its checkpoint belongs to.
    pub digest: String,
    /// The epochs that it was to have.
    epochs: usize,
}

impl Longer {
    /// Compares the folder's configuration with `config`, which gets the milestones that the shorter training had by
    /// its length. None where they differ in more than the epochs, or in nothing.
    ///
    /// # Errors
    /// Fewer epochs than before; a schedule that depends on their number, unless it is to be stretched.
    pub fn of(folder: &RunFolder, config: &mut Config, stretch: bool) -> Result<Option<Longer>> {
        let Ok(text) = fs::read_to_string(folder.config()) else { return Ok(None) };
        let Ok(before) = toml::from_str::<Config>(&text) else { return Ok(None) };
        // The steps of a coupled training are fixed, and its epochs are parts of them.
        if config.train.coupled.is_some() {
            return Ok(None);
        }
        let mut longer = config.clone();
        longer.train.milestones = milestones(&before.train, &config.train);
        let as_before = Config {
            train: TrainConfig {
                epochs: longer.train.epochs,
                milestones: longer.train.milestones.clone(),
                ..before.train.clone()
            },
            ..before.clone()
        };
        if as_before.train_digest()? != longer.train_digest()? {
            return Ok(None);
        }
        *config = longer;
        let (then, now, at) = (before.train.epochs, config.train.epochs, folder.path.display());
        if then == now {
            return Ok(None);
        }
        if before.train.slices.is_some() {
            return Err(Error::input(format!(
                "--resume: the training in {at} is one in slices, whose stages would have had other epochs; use \
                 another --out"
            )));
        }
        if now < then {
            return Err(Error::input(format!(
                "--resume: train.epochs = {now}, and the training in {at} was begun with {then}; give as many or more"
            )));
        }
        if !config.train.schedule.goes_on() && !stretch {
            return Err(Error::input(format!(
                "--resume: train.schedule = {} was laid out over {then} epochs, and {now} are asked for: \
                    learning rates that {at} has behind it would have been others; give --stretch-schedule to go on \
                    along the longer schedule all the same, or use another --out",
                toml::Value::try_from(config.train.schedule).unwrap_or_else(|_| "…".into())
            )));
        }
        Ok(Some(Longer { digest: before.train_digest()?, epochs: then }))
    }

    /// Takes a finished folder back into hand; its `run.json` goes when the steps begin.
    ///
    /// # Errors
    /// A folder that has not what it takes to go on, or on which others rest.
    pub fn reopen(&self, folder: &RunFolder, info: &RunInfo) -> Result<Hold> {
        folder.check(info)?;
        let refuse = |why: &str| {
            let at = folder.path.display();
            Err(Error::input(format!("--resume: {at} cannot go on with more epochs: {why}; use another --out")))
        };
        match info {
            RunInfo { forget: Some(_), .. } => refuse("it was written by `unlearn forget`"),
            RunInfo { origin: Origin::Imported, .. } => refuse("it was imported"),
            RunInfo { stopping: Some(_), .. } if info.epochs < self.epochs => {
                refuse("early stopping ended it before its epochs were over")
            }
            _ if folder.references().exists() => refuse("retrains of the shorter training lie in it"),
            _ if !folder.checkpoint().exists() => {
                refuse("it was finished without --keep-checkpoint, and the optimiser's state is gone")
            }
            _ => Hold::take(&folder.path, "train"),
        }
    }
}

/// The milestones that the longer training has: where the shorter one had none of its own, they were parts of its
/// length, and stay where they were.
fn milestones(before: &TrainConfig, now: &TrainConfig) -> Vec<f64> {
    let parts = |drops: &[f64]| matches!(drops, [half, three] if three / half == 1.5);
    let implied = now.schedule == Schedule::Step && now.milestones.is_empty();
    match before.milestones.as_slice() {
        _ if !implied => now.milestones.clone(),
        [] if before.epochs != now.epochs => before.drops(),
        drops if parts(drops) => drops.to_vec(),
        _ => Vec::new(),
    }
}

/// The folder is no longer that of a finished run.
///
/// # Errors
/// The file cannot be removed.
pub(super) fn unfinish(folder: &RunFolder) -> Result<()> {
    match folder.state() {
        State::Finished => fs::remove_file(folder.info()).map_err(Error::io("remove", &folder.info())),
        State::Free | State::Begun => Ok(()),
    }
}
