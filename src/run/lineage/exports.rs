//! What was exported of a run: a line for each file, beside the run, for no file says where its copies went.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::base::{utc_now, write_atomic};
use crate::error::{Error, Result};
use crate::run::evidence;
use crate::run::folder::RunFolder;

/// The file in a run's folder.
pub const EXPORTS: &str = "exports.jsonl";

/// A file that a model was exported to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Export {
    /// When, in UTC.
    pub made_at: String,
    /// Where to.
    pub path: PathBuf,
    /// SHA-256 of the file as it was written.
    pub sha256: String,
    /// SHA-256 of the weights that are in it.
    pub model_sha256: String,
    /// `safetensors`, `onnx`, or `pack` for the copies in a pack of evidence.
    pub format: String,
}

/// What was exported of a run, and of runs before it that were purged.
///
/// # Errors
/// A file that cannot be read, a line that is none.
pub fn read(folder: &RunFolder) -> Result<Vec<Export>> {
    let path = folder.path.join(EXPORTS);
    let text = match fs::read_to_string(&path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(Error::io("read", &path))?,
    };
    let line = |(at, line): (usize, &str)| {
        serde_json::from_str(line).map_err(|e| Error::input(format!("{} line {}: {e}", path.display(), at + 1)))
    };
    text.lines().enumerate().map(line).collect()
}

/// Notes that a run's weights went to a file.
///
/// # Errors
/// The run's folder cannot be written to, the file cannot be read.
pub fn note_export(run: &Path, file: &Path, format: &str, model_sha256: &str) -> Result<Export> {
    let export = export(file, format, model_sha256)?;
    add(&RunFolder::new(run), [export.clone()])?;
    Ok(export)
}

/// As [`note_export`] of files that nobody else can have: what was noted of them before holds no more.
///
/// # Errors
/// As [`note_export`].
#[cfg(all(feature = "ledger", feature = "report"))]
pub(in crate::run) fn note_own(run: &Path, files: &[PathBuf], format: &str, model_sha256: &str) -> Result<()> {
    let folder = RunFolder::new(run);
    let fresh: Vec<Export> = files.iter().map(|file| export(file, format, model_sha256)).collect::<Result<_>>()?;
    let mut all = read(&folder)?;
    let known = |one: &Export| all.iter().any(|old| (&old.path, &old.sha256) == (&one.path, &one.sha256));
    if fresh.iter().all(known) {
        return Ok(());
    }
    all.retain(|old| !fresh.iter().any(|one| one.path == old.path));
    all.extend(fresh);
    write(&folder, &all)
}

fn export(file: &Path, format: &str, model_sha256: &str) -> Result<Export> {
    Ok(Export {
        made_at: utc_now(),
        path: std::path::absolute(file).unwrap_or_else(|_| file.to_owned()),
        sha256: evidence::hash_of(file)?,
        model_sha256: model_sha256.to_owned(),
        format: format.to_owned(),
    })
}

/// Takes the notes of a run that is about to be deleted over to the one that stays.
///
/// # Errors
/// As [`read`] and [`note_export`].
pub fn carry(from: &RunFolder, to: &RunFolder) -> Result<()> {
    match read(from)? {
        all if all.is_empty() => Ok(()),
        all => add(to, all),
    }
}

fn add(folder: &RunFolder, more: impl IntoIterator<Item = Export>) -> Result<()> {
    let mut all = read(folder)?;
    let known: HashSet<Export> = all.iter().cloned().collect();
    all.extend(more.into_iter().filter(|export| !known.contains(export)));
    write(folder, &all)
}

fn write(folder: &RunFolder, all: &[Export]) -> Result<()> {
    write_atomic(&folder.path.join(EXPORTS), evidence::json_lines(all, EXPORTS)?.as_bytes())
}
