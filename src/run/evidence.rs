//! What binds a run to what it was made from: hashes of data, files and parents, the time and who made it; and the
//! check of all of that whenever a run is read.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::base::{sha256, utc_now};
use crate::data::Dataset;
use crate::error::{Error, Result};

/// `evidence` of `run.json`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// When the run was finished, in UTC (RFC 3339).
    pub made_at: String,
    /// Who made it, as `--actor` says.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub actor: Option<String>,
    /// Why, as `--note` says.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub note: Option<String>,
    /// Hash of all records that the configuration loads ([`Dataset::sha256`]), forgotten ones included: the same for
    /// every run that was made from the same training.
    pub data_sha256: String,
    /// Hash of the records as this run's model is given them; another where what is fitted on records was fitted again.
    pub read_sha256: String,
    /// What stays of the records once those that the run forgot have left their source.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub retained: Option<Retained>,
    /// SHA-256 of the files beside `run.json`, by name; the weights' is `model_sha256`.
    pub files: BTreeMap<String, String>,
    /// SHA-256 of the request file as it was given.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub request_sha256: Option<String>,
    /// SHA-256 of the weights that `init` of the configuration names.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub base_sha256: Option<String>,
    /// The runs that it came from: its parent, then that one's, to the one that was trained.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub parents: Vec<Parent>,
}

/// What binds a run to the records that it retains.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Retained {
    /// Hash of the retained records as this run's model is given them ([`Dataset::retained_sha256`]).
    pub sha256: String,
    /// How many classes all records had.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "classes")))]
    pub classes: usize,
    /// The numbers of those among them that the model has an output for.
    pub learned: Vec<u32>,
    /// Records are known by their rows, which are others once records are gone.
    pub by_row: bool,
    /// How many of the first lines of `forgotten.jsonl` were of records that the source had no more when the run was
    /// made.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "lines")))]
    pub lines: usize,
}

/// A run that another was made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Parent {
    /// Where it lay.
    pub path: PathBuf,
    /// SHA-256 of its `run.json`.
    pub run_sha256: String,
    /// SHA-256 of its weights.
    pub model_sha256: String,
}

/// Who makes a run, and why: kept, and nothing else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// Of `--actor`.
    pub actor: Option<String>,
    /// Of `--note`.
    pub note: Option<String>,
}

/// Something that still holds a trace of the records that a run forgot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Residue {
    /// What it is.
    pub what: String,
    /// Where it lies, where it is a file or a folder.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub path: Option<PathBuf>,
    /// What of the records is in it.
    pub holds: String,
    /// `unlearn purge` deletes it; otherwise it is for its owner to decide.
    pub purge: bool,
}

impl Residue {
    pub(super) fn new(what: &str, path: Option<&Path>, holds: &str, purge: bool) -> Residue {
        Residue { what: what.into(), path: path.map(Path::to_owned), holds: holds.into(), purge }
    }
}

impl std::fmt::Display for Residue {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        let path = self.path.as_ref().map_or(String::new(), |path| format!(" {}", path.display()));
        write!(f, "{}{path}: {}", self.what, self.holds)
    }
}

impl Evidence {
    /// What is known before the run's files are written.
    pub fn of(marks: &Marks, data_sha256: &str) -> Evidence {
        let Marks { actor, note } = marks.clone();
        let [data_sha256, read_sha256] = [data_sha256; 2].map(str::to_owned);
        Evidence { made_at: utc_now(), actor, note, data_sha256, read_sha256, ..Evidence::default() }
    }

    /// Hashes the files of a run as they lie there now; the caller writes `run.json` next.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub(super) fn bind(&mut self, paths: &[PathBuf]) -> Result<()> {
        self.files.clear();
        for path in paths.iter().filter(|path| path.exists()) {
            self.files.insert(name_of(path), hash_of(path)?);
        }
        Ok(())
    }

    /// Refuses files that are not those that the run was finished with.
    ///
    /// # Errors
    /// [`Error::Input`] naming the file and both hashes.
    pub(super) fn check_files(&self, paths: &[PathBuf]) -> Result<()> {
        for path in paths {
            match self.files.get(&name_of(path)) {
                Some(then) => same(path, then, "take it from a copy, or make the run again")?,
                None if path.exists() => {
                    return Err(Error::input(format!(
                        "{}: the run was made without this file, and run.json has no hash of it; remove it",
                        path.display()
                    )));
                }
                None => {}
            }
        }
        Ok(())
    }

    /// Refuses a kept checkpoint that was changed; it may be missing.
    ///
    /// # Errors
    /// As [`Evidence::check_files`].
    pub(super) fn check_checkpoint(&self, path: &Path) -> Result<()> {
        match self.files.get(&name_of(path)).filter(|_| path.exists()) {
            Some(then) => same(path, then, "remove it: a finished run needs none"),
            None => Ok(()),
        }
    }

    /// Refuses a checkpoint that stays, and that is not what the run kept.
    ///
    /// # Errors
    /// As [`Evidence::check_files`]; one that the run did not keep.
    pub(super) fn check_kept(&self, path: &Path) -> Result<()> {
        match self.files.get(&name_of(path)) {
            Some(then) => same(path, then, "take it from a copy, or remove it and use an earlier one"),
            None => Err(Error::input(format!(
                "{}: the run did not keep this checkpoint, and run.json has no hash of it; remove it",
                path.display()
            ))),
        }
    }

    /// Refuses a base model that is not the one that training began with; one that is gone is missed by what needs it.
    ///
    /// # Errors
    /// [`Error::Input`] with both hashes.
    pub(super) fn check_base(&self, base: Option<&Path>) -> Result<()> {
        match (base.filter(|path| path.exists()), &self.base_sha256) {
            (Some(path), Some(then)) => same(path, then, "bring the base model back as it was"),
            _ => Ok(()),
        }
    }

    /// Refuses records that are not those that the run in `folder` was made with.
    ///
    /// # Errors
    /// [`Error::Input`] with both hashes.
    pub(super) fn check_data(&self, folder: &Path, data: &Dataset) -> Result<()> {
        let (now, then) = (data.sha256(), &self.read_sha256);
        if now == *then {
            return Ok(());
        }
        let hint = match self.parents.is_empty() {
            true => " (where records that a run made from this one forgot have left their source, give that run)",
            false => "",
        };
        Err(Error::input(format!(
            "{}: the records that config.toml loads ({}) have the hash {now}, and the run was made with {then}: the \
                data were changed since; bring back the files as they were, or train again{hint}",
            folder.display(),
            data.name
        )))
    }
}

/// Refuses weights that are not those of the run.
///
/// # Errors
/// [`Error::Input`] with both hashes, and the way in for weights from elsewhere.
pub(super) fn check_weights(path: &Path, then: &str) -> Result<()> {
    let elsewhere = "weights from elsewhere become a run by `unlearn import`";
    same(path, then, &format!("take it from a copy; {elsewhere}"))
}

/// A document as text.
pub(super) fn json(document: &impl Serialize, name: &str) -> Result<String> {
    let text = serde_json::to_string_pretty(document).map_err(|e| Error::internal(format!("{name}: {e}")));
    text.map(|text| text + "\n")
}

/// Values as JSON Lines, for the file of this name.
pub(super) fn json_lines<'a, T: Serialize + 'a>(all: impl IntoIterator<Item = &'a T>, name: &str) -> Result<String> {
    let line = |value: &T| {
        let text = serde_json::to_string(value).map_err(|e| Error::internal(format!("{name}: {e}")));
        text.map(|text| text + "\n")
    };
    all.into_iter().map(line).collect()
}

/// Puts a text's hash into it, under a key that has nothing yet. A quotation mark in a value is escaped, so that no
/// user's words are taken for the key.
pub(super) fn seal(text: String, key: &str) -> String {
    text.replacen(&format!("\"{key}\": \"\""), &format!("\"{key}\": \"{}\"", sha256(text.as_bytes())), 1)
}

/// The bytes of a document as text.
fn text_of<'a>(path: &Path, bytes: &'a [u8]) -> Result<&'a str> {
    let damaged = |_| Error::input(format!("{} is not UTF-8 text: the file was changed or damaged", path.display()));
    std::str::from_utf8(bytes).map_err(damaged)
}

/// Refuses a text whose own hash is not that of the rest of it.
fn check_seal(path: &Path, text: &str, key: &str) -> Result<()> {
    let fail = |what: String| Error::input(format!("{}: {what}", path.display()));
    let value: serde_json::Value = serde_json::from_str(text).map_err(|e| fail(format!("not JSON: {e}")))?;
    let then = value.get(key).and_then(serde_json::Value::as_str).unwrap_or_default();
    let unsealed = text.replacen(&format!("\"{key}\": \"{then}\""), &format!("\"{key}\": \"\""), 1);
    let now = sha256(unsealed.as_bytes());
    match !then.is_empty() && now == then {
        true => Ok(()),
        false => Err(fail(format!(
            "its content has the hash {now}, and it says {then:?} of itself: the file was changed or damaged; take it \
                from a copy, or make it again"
        ))),
    }
}

/// Reads a sealed document and refuses one of another layout than `schema`, or one that is not as it was written.
///
/// # Errors
/// [`Error::Input`] naming the file, with both hashes or both layouts.
pub(super) fn unseal<T: DeserializeOwned>(path: &Path, bytes: &[u8], schema: &str, key: &str) -> Result<T> {
    let fail = |what: String| Error::input(format!("{}: {what}", path.display()));
    let text = text_of(path, bytes)?;
    let value: serde_json::Value = serde_json::from_str(text).map_err(|e| fail(format!("not JSON: {e}")))?;
    let word = |key: &str| value.get(key).and_then(serde_json::Value::as_str);
    if word("schema") != Some(schema) {
        return Err(fail(other_layout(schema, word("schema"), word("version"))));
    }
    check_seal(path, text, key)?;
    serde_json::from_value(value).map_err(|e| fail(e.to_string()))
}

/// Which version wrote a document that this one does not read, and what to do.
fn other_layout(wanted: &str, schema: Option<&str>, version: Option<&str>) -> String {
    let wrote = version.map_or("a program that does not name itself".into(), |v| format!("unlearn {v}"));
    match schema {
        Some("unlearn.run/1") => format!(
            "schema is unlearn.run/1, written by {wrote}; expected {wanted}, which binds a run to its data and weights \
                by hashes that the old layout does not have; make the run again with this version (`unlearn train` \
                with the folder's config.toml and another --out), or go on with the version that wrote it"
        ),
        Some(other) => format!(
            "schema is {other}, written by {wrote}; expected {wanted}; use the version that wrote it, or make the run \
                again with this one"
        ),
        None => {
            format!("schema is none; expected {wanted}: this is no document of a run")
        }
    }
}

/// Refuses a file with another hash than `then`.
fn same(path: &Path, then: &str, instead: &str) -> Result<()> {
    let now = hash_of(path)?;
    if now == then {
        return Ok(());
    }
    Err(Error::input(format!(
        "{} has the SHA-256 {now}, and run.json has {then}: the file was changed since the run was made; {instead}",
        path.display()
    )))
}

/// SHA-256 of a file.
///
/// # Errors
/// `Io` with the path.
pub(super) fn hash_of(path: &Path) -> Result<String> {
    fs::read(path).map(|bytes| sha256(&bytes)).map_err(Error::io("read", path))
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
