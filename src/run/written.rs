//! What a training leaves in its folder: the configuration, a line for each epoch, and last the whole run.

use std::fs;

use serde::{Deserialize, Serialize};

use super::config::Config;
use super::evidence;
use super::folder::RunFolder;
use super::info::RunInfo;
use crate::base::{sha256, write_atomic};
use crate::error::{Error, Result};
use crate::nn::Model;
use crate::records::Passed;
use crate::statistics::Score;
use crate::train::weights;

/// One line of `metrics.jsonl`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct EpochLine {
    /// From 1.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 1, "unit" = "epochs")))]
    pub epoch: usize,
    /// Steps since the start.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "steps")))]
    pub step: u64,
    /// Means over the epoch's steps, as seen while training.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "nats")))]
    pub loss: f64,
    /// Share of the records that were classified as labelled, as seen while training; absent where records have targets
    /// in place of a class.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0, "maximum" = 1)))]
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub accuracy: Option<f64>,
    /// Learning rate of the last step.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0)))]
    pub lr: f64,
    /// On the validation part, after the epoch.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub validation: Option<Score>,
    /// Of this epoch, in this process.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "s")))]
    pub seconds: f64,
}

impl From<&Passed> for EpochLine {
    fn from(passed: &Passed) -> EpochLine {
        let Passed { epoch, step, loss, accuracy, lr, seconds } = *passed;
        EpochLine { epoch, step, loss, accuracy, lr, validation: None, seconds }
    }
}

/// The lines of the first `epochs` epochs, which a checkpoint has behind it with this hash.
pub(super) fn kept_lines(folder: &RunFolder, epochs: usize, metrics_sha256: &str) -> Result<Vec<EpochLine>> {
    let path = folder.metrics();
    if epochs == 0 {
        return Ok(Vec::new());
    }
    let text = fs::read_to_string(&path).map_err(Error::io("read", &path))?;
    let parsed = text.lines().enumerate().map(|(i, line)| {
        let line: Result<EpochLine, _> = serde_json::from_str(line);
        line.map_err(|e| Error::input(format!("{}, line {}: {e}", path.display(), i + 1)))
    });
    let lines: Vec<EpochLine> = parsed.collect::<Result<_>>()?;
    let lines: Vec<EpochLine> = lines.into_iter().filter(|line| line.epoch <= epochs).collect();
    let now = sha256(metrics_text(&lines)?.as_bytes());
    match now == metrics_sha256 {
        true => Ok(lines),
        false => Err(Error::input(format!(
            "--resume: the first {epochs} epochs in {} have the hash {now}, and the checkpoint has {metrics_sha256}: \
                the file was changed since; take it from a copy, or use another --out",
            path.display(),
        ))),
    }
}

/// Writes the configuration as resolved.
pub(super) fn write_config(folder: &RunFolder, config: &Config) -> Result<()> {
    write_atomic(&folder.config(), config.to_toml()?.as_bytes())
}

/// Writes `metrics.jsonl`.
pub(super) fn write_metrics(folder: &RunFolder, lines: &[EpochLine]) -> Result<()> {
    write_atomic(&folder.metrics(), metrics_text(lines)?.as_bytes())
}

/// The text of `metrics.jsonl`.
pub(super) fn metrics_text(lines: &[EpochLine]) -> Result<String> {
    let mut text = String::new();
    for line in lines {
        text += &serde_json::to_string(line).map_err(|e| Error::internal(format!("metrics.jsonl: {e}")))?;
        text.push('\n');
    }
    Ok(text)
}

/// Writes a whole run, `run.json` last, and returns the facts with the digest of the weights.
pub(super) fn finish(
    folder: &RunFolder,
    config: &Config,
    model: &Model,
    theta: &[f32],
    lines: &[EpochLine],
    mut info: RunInfo,
    keep_checkpoint: bool,
) -> Result<RunInfo> {
    weights::check_finite(&model.layout, theta, "training")?;
    write_config(folder, config)?;
    write_metrics(folder, lines)?;
    weights::save_model(&folder.model(), &model.layout, theta, &[("format", "pt".to_owned())])?;
    info.model_sha256 = evidence::hash_of(&folder.model())?;
    let checkpoint = keep_checkpoint.then(|| folder.checkpoint());
    let kept = folder.kept_steps().into_iter().map(|step| folder.kept_at(step));
    let kept = kept.chain(folder.delta_files());
    info.evidence.bind(&folder.bound().into_iter().chain(checkpoint).chain(kept).collect::<Vec<_>>())?;
    folder.write_info(&info)?;
    if !keep_checkpoint && folder.checkpoint().exists() {
        fs::remove_file(folder.checkpoint()).map_err(Error::io("remove", &folder.checkpoint()))?;
    }
    // As written: with its own hash.
    folder.read_info()
}

/// Names the first line in which the folder's configuration differs from this one.
pub(super) fn another_configuration(folder: &RunFolder, config: &Config) -> Error {
    let (old, new) = (fs::read_to_string(folder.config()).unwrap_or_default(), config.to_toml().unwrap_or_default());
    let differs = old.lines().zip(new.lines()).find(|(a, b)| a != b);
    let what = differs.map_or(String::new(), |(a, b)| format!(" (`{a}` there, `{b}` now)"));
    Error::input(format!(
        "--resume: {} was begun with another configuration{what}; use the same one, or another --out",
        folder.path.display()
    ))
}
