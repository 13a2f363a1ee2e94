//! What an audit trained is kept: a folder named by everything that it depends on, a file a model, and a list of their
//! hashes last. A killed audit goes on, and the next one on the same request trains nothing.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use safetensors::SafeTensors;
use serde::{Deserialize, Serialize};

use crate::base::{sha256, sweep, write_atomic};
use crate::error::{Error, Result};
use crate::run::evidence;
use crate::run::folder::RunFolder;
use crate::run::hold::Hold;
use crate::train::weights::save_tensors;

/// A model of an audit.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Kept {
    /// [asked, outputs].
    pub logits: Vec<f32>,
    /// Parameters, and state behind them; empty where they are not needed again.
    pub theta: Vec<f32>,
}

/// The list of a whole audit's files.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Marker {
    schema: String,
    /// SHA-256 by name.
    files: BTreeMap<String, String>,
}

const MARKER: &str = "models.json";
const SCHEMA: &str = "unlearn.audit-models/1";
const ENDING: &str = "safetensors";

/// A folder of an audit's models, held until it is dropped.
pub(super) struct Store {
    pub folder: PathBuf,
    key: String,
    marker: Marker,
    hold: Hold,
}

/// The folder of all audits of a run that was trained.
pub(super) fn audits(root: &RunFolder) -> PathBuf {
    root.path.join("audit")
}

/// Every file that audits of a run keep, and their folders.
pub(in crate::run) fn files(root: &RunFolder) -> (Vec<PathBuf>, Vec<PathBuf>) {
    let inside = |path: &Path| fs::read_dir(path).into_iter().flatten().flatten().map(|e| e.path()).collect();
    let mut folders: Vec<PathBuf> = inside(&audits(root));
    folders.sort();
    let all: Vec<PathBuf> = folders.iter().flat_map(|folder| -> Vec<PathBuf> { inside(folder) }).collect();
    let ours = |path: &PathBuf| path.extension().is_some_and(|e| e == ENDING) || path.ends_with(MARKER);
    let mut all: Vec<PathBuf> = all.into_iter().filter(ours).collect();
    all.sort();
    folders.push(audits(root));
    (all, folders)
}

impl Store {
    /// The folder of this key, made where it is not there.
    ///
    /// # Errors
    /// Another process audits there; a list that cannot be read.
    pub fn open(root: &RunFolder, key: String) -> Result<Store> {
        let folder = audits(root).join(&key[..16]);
        let hold = Hold::take(&folder, "audit")?;
        hold.begin(&key)?;
        let path = folder.join(MARKER);
        let marker = match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map_err(|e| Error::input(format!("{}: {e}; remove the folder", path.display())))?,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Marker::default(),
            Err(e) => return Err(Error::io("read", &path)(e)),
        };
        Ok(Store { folder, key, marker, hold })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.{ENDING}"))
    }

    /// A model of this name; none where it is not there, or was made for something else.
    ///
    /// # Errors
    /// One that was changed since the audit that made it ended.
    pub fn load(&self, name: &str) -> Result<Option<Kept>> {
        let path = self.path(name);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(Error::io("read", &path)(e)),
        };
        if let Some(then) = self.marker.files.get(name).filter(|then| **then != sha256(&bytes)) {
            return Err(Error::input(format!(
                "{} is not what the audit wrote (SHA-256 {then} then): it was changed or damaged; remove it, and it is \
                    made again",
                path.display()
            )));
        }
        Ok(read(&bytes, &self.key))
    }

    /// Keeps a model.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save(&self, name: &str, kept: &Kept) -> Result<()> {
        let path = self.path(name);
        sweep(&path);
        let tensor = |name: &str, of: &[f32]| (name.to_owned(), vec![of.len()], of.to_vec());
        let owned = [tensor("logits", &kept.logits), tensor("theta", &kept.theta)];
        let all: Vec<_> = owned.iter().map(|(name, shape, of)| (name.clone(), shape.clone(), &of[..])).collect();
        save_tensors(&path, &all, &[("key", self.key.clone())])
    }

    /// Writes down what is there, by its hash.
    ///
    /// # Errors
    /// A file that cannot be read or written.
    pub fn finish(mut self, names: &[String]) -> Result<()> {
        let before = self.marker.files.len();
        for name in names {
            if !self.marker.files.contains_key(name) {
                self.marker.files.insert(name.clone(), evidence::hash_of(&self.path(name))?);
            }
        }
        if self.marker.files.len() != before {
            self.marker.schema = SCHEMA.into();
            write_atomic(&self.folder.join(MARKER), evidence::json(&self.marker, MARKER)?.as_bytes())?;
        }
        self.hold.settle();
        Ok(())
    }
}

fn read(bytes: &[u8], key: &str) -> Option<Kept> {
    let (_, header) = SafeTensors::read_metadata(bytes).ok()?;
    if header.metadata().as_ref()?.get("key")? != key {
        return None;
    }
    let all = SafeTensors::deserialize(bytes).ok()?;
    let numbers = |name: &str| -> Option<Vec<f32>> {
        let of = all.tensor(name).ok()?.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
        Some(of.collect())
    };
    Some(Kept { logits: numbers("logits")?, theta: numbers("theta")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_are_found_again_and_another_audits_or_a_changed_one_is_not_taken() {
        let dir = tempfile::tempdir().unwrap();
        let root = RunFolder::new(dir.path());
        let open = |key: &str| Store::open(&root, sha256(key.as_bytes())).unwrap();
        let kept = Kept { logits: vec![1.5, -2.0], theta: vec![] };
        let store = open("a");
        assert!(Store::open(&root, sha256(b"a")).is_err(), "two at once");
        store.save("shadow-0000", &kept).unwrap();
        drop(store);
        // Killed before the list was written.
        let store = open("a");
        assert_eq!(store.load("shadow-0000").unwrap().as_ref(), Some(&kept));
        let path = store.path("shadow-0000");
        store.finish(&["shadow-0000".into()]).unwrap();
        assert_eq!(open("a").load("shadow-0001").unwrap(), None);
        let other = open("b");
        fs::copy(&path, other.path("shadow-0000")).unwrap();
        assert_eq!(other.load("shadow-0000").unwrap(), None);
        drop(other);
        let (all, folders) = files(&root);
        assert_eq!((all.len(), folders.len()), (3, 3), "{all:?}");
        let mut bytes = fs::read(&path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(&path, bytes).unwrap();
        assert!(open("a").load("shadow-0000").unwrap_err().to_string().contains("was changed"));
    }
}
