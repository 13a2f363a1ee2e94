//! The steps that a run keeps, and those that a forgetting takes over into the new run.

use std::fs;
use std::path::{Path, PathBuf};

use safetensors::SafeTensors;
use serde::{Deserialize, Serialize};

use super::evidence::{self, Evidence};
use super::folder::RunFolder;
use crate::base::write_atomic;
use crate::error::{Error, Result};
use crate::train::weights;
use crate::train::{Delta, Deltas};

/// `deltas.json`: whose batches were kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    schema: String,
    /// Keys of the records; none where they are all records.
    keys: Option<Vec<u64>>,
}

const SCHEMA: &str = "unlearn.deltas/1";
const NAME: &str = "deltas.json";

/// Kept steps of a finished run, and the place for those of the next.
#[derive(Debug)]
pub(super) struct KeptDeltas<'a> {
    from: (&'a RunFolder, &'a Evidence),
    to: &'a RunFolder,
    numbers: usize,
    listed: Listed,
    files: Vec<(u64, PathBuf)>,
}

impl RunFolder {
    fn delta_at(&self, step: u64) -> PathBuf {
        self.kept().join(format!("delta.{step:010}.safetensors"))
    }

    /// Which records' batches were kept.
    fn deltas(&self) -> PathBuf {
        self.kept().join(NAME)
    }

    /// The steps that are kept, with their files, ascending.
    fn delta_steps(&self) -> Vec<(u64, PathBuf)> {
        let entries = fs::read_dir(self.kept()).into_iter().flatten().flatten();
        let step = |entry: fs::DirEntry| {
            let name = entry.file_name();
            let step = name.to_str()?.strip_prefix("delta.")?.strip_suffix(".safetensors")?.parse().ok()?;
            Some((step, entry.path()))
        };
        let mut all: Vec<(u64, PathBuf)> = entries.filter_map(step).collect();
        all.sort_unstable();
        all
    }

    /// Every file of the steps that are kept.
    pub fn delta_files(&self) -> Vec<PathBuf> {
        let steps = self.delta_steps().into_iter().map(|(_, path)| path);
        steps.chain(Some(self.deltas()).filter(|path| path.exists())).collect()
    }

    /// Writes whose batches are kept: of all records where `keys` are none.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub(super) fn list_deltas(&self, keys: Option<Vec<u64>>) -> Result<()> {
        self.list(&Listed { schema: SCHEMA.into(), keys })
    }

    fn list(&self, listed: &Listed) -> Result<()> {
        fs::create_dir_all(self.kept()).map_err(Error::io("create", &self.kept()))?;
        write_atomic(&self.deltas(), evidence::json(listed, NAME)?.as_bytes())
    }

    /// Writes a step.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub(super) fn keep_delta(&self, delta: &Delta) -> Result<()> {
        let words: Vec<String> = delta.keys.iter().map(|key| format!("{key:016x}")).collect();
        let tensors = [("added".to_owned(), vec![delta.added.len()], &delta.added[..])];
        weights::save_tensors(&self.delta_at(delta.step), &tensors, &[("keys", words.join(" "))])
    }
}

/// Bytes of a kept step of so many numbers, without its header.
pub(super) fn delta_bytes(numbers: usize) -> u64 {
    4 * numbers as u64
}

impl<'a> KeptDeltas<'a> {
    /// Those of a run; none where it kept none.
    ///
    /// # Errors
    /// A file that was changed.
    pub fn of(
        from: (&'a RunFolder, &'a Evidence),
        to: &'a RunFolder,
        numbers: usize,
    ) -> Result<Option<KeptDeltas<'a>>> {
        let (folder, evidence) = from;
        let path = folder.deltas();
        if !path.exists() {
            return Ok(None);
        }
        evidence.check_kept(&path)?;
        let text = fs::read_to_string(&path).map_err(Error::io("read", &path))?;
        let bad = |e: serde_json::Error| Error::input(format!("{}: {e}", path.display()));
        let listed: Listed = serde_json::from_str(&text).map_err(bad)?;
        Ok(Some(KeptDeltas { from, to, numbers, listed, files: folder.delta_steps() }))
    }

    /// Takes all into the new run.
    ///
    /// # Errors
    /// As [`Deltas::each`].
    pub fn carry(&self) -> Result<()> {
        self.each(&mut |_| Ok(false))
    }

    fn load(&self, step: u64, path: &Path) -> Result<Delta> {
        self.from.1.check_kept(path)?;
        let bytes = fs::read(path).map_err(Error::io("read", path))?;
        let fail = |what: &str| Error::input(format!("{}: {what}", path.display()));
        let (_, header) = SafeTensors::read_metadata(&bytes).map_err(|_| fail("not a whole safetensors file"))?;
        let file = SafeTensors::deserialize(&bytes).map_err(|_| fail("not a whole safetensors file"))?;
        let words = header.metadata().as_ref().and_then(|all| all.get("keys")).cloned();
        let words = words.ok_or_else(|| fail("it does not say whose batch it was"))?;
        let keys: std::result::Result<Vec<u64>, _> =
            words.split_whitespace().map(|word| u64::from_str_radix(word, 16)).collect();
        let added = file.tensor("added").map_err(|_| fail("there is no `added` in it"))?;
        let added: Vec<f32> = bytemuck::pod_collect_to_vec(added.data());
        match (keys, added.len() == self.numbers) {
            (Ok(keys), true) => Ok(Delta { step, keys, added }),
            _ => Err(fail("it is of another network than the run's")),
        }
    }
}

impl Deltas for KeptDeltas<'_> {
    fn count(&self) -> usize {
        self.files.len()
    }

    fn covers(&self, key: u64) -> bool {
        self.listed.keys.as_ref().is_none_or(|keys| keys.binary_search(&key).is_ok())
    }

    fn each(&self, takes: &mut dyn FnMut(Delta) -> Result<bool>) -> Result<()> {
        self.to.list(&self.listed)?;
        for (step, path) in &self.files {
            if !takes(self.load(*step, path)?)? {
                let there = self.to.delta_at(*step);
                fs::copy(path, &there).map_err(Error::io("write", &there))?;
            }
        }
        Ok(())
    }
}
