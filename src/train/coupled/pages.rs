//! Iterates on disk: pages of some megabytes, each a whole file that says what it holds, written once it is full.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use safetensors::tensor::SafeTensors;

use crate::base::{sha256, write_atomic};
use crate::error::{Error, Result};
use crate::train::weights;

/// Name of the file that a trace begins with.
pub const NAME: &str = "trace.json";

/// Bytes of a page at most, unless one iterate has more.
const PAGE_BYTES: usize = 16 << 20;

/// The gradients of steps that a coupling changed.
const EDITS: &str = "trace.edits.safetensors";

/// A step that a coupling changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Edit {
    /// Its records.
    pub batch: Vec<u32>,
    /// Its noisy gradient ξ, padded flat vector.
    pub noisy: Vec<f32>,
}

/// Every κ-th iterate from the first on.
#[derive(Clone, Debug, PartialEq)]
pub struct Pages {
    kappa: u64,
    numbers: usize,
    /// Iterates that are kept.
    count: usize,
    pages: Vec<Page>,
}

#[derive(Clone, Debug, PartialEq)]
enum Page {
    /// Numbers of its iterates, one after the other; where it was written to, if it was.
    Held(Vec<f32>),
    /// A file with its hash, and how many iterates it has.
    Filed(PathBuf, String, usize),
}

fn file(folder: &Path, page: usize) -> PathBuf {
    folder.join(format!("trace.{page:05}.safetensors"))
}

/// Whether a file of a run's folder is part of a trace.
pub fn is_trace_file(name: &str) -> bool {
    let page = name.strip_prefix("trace.").and_then(|rest| rest.strip_suffix(".safetensors"));
    name == NAME || name == EDITS || page.is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit()))
}

impl Pages {
    pub fn new(kappa: u64, numbers: usize) -> Pages {
        Pages { kappa, numbers, count: 0, pages: Vec::new() }
    }

    pub fn kappa(&self) -> u64 {
        self.kappa
    }

    pub fn numbers(&self) -> usize {
        self.numbers
    }

    pub fn bytes(&self) -> u64 {
        4 * (self.count * self.numbers) as u64
    }

    /// The step of the next iterate.
    pub fn next(&self) -> u64 {
        self.count as u64 * self.kappa
    }

    fn per_page(&self) -> usize {
        (PAGE_BYTES / (4 * self.numbers.max(1))).max(1)
    }

    pub fn push(&mut self, theta: &[f32]) {
        if self.count.is_multiple_of(self.per_page()) {
            self.pages.push(Page::Held(Vec::new()));
        }
        if let Some(Page::Held(values)) = self.pages.last_mut() {
            values.extend_from_slice(theta);
            self.count += 1;
        }
    }

    /// The last iterate at or before `step`, with its step.
    pub fn before(&self, step: u64) -> Result<(u64, Vec<f32>)> {
        let at = (step / self.kappa).min(self.count.saturating_sub(1) as u64);
        let (page, row) = (at as usize / self.per_page(), at as usize % self.per_page());
        let range = row * self.numbers..(row + 1) * self.numbers;
        let values = match self.pages.get(page) {
            Some(Page::Held(values)) => values.get(range).map(<[f32]>::to_vec),
            Some(Page::Filed(path, hash, _)) => read(path, Some(hash), self.numbers)?.get(range).map(<[f32]>::to_vec),
            None => None,
        };
        Ok((at * self.kappa, values.ok_or_else(|| Error::internal("a trace has no such iterate"))?))
    }

    /// Forgets the iterates after `step`; a page of which a part stays is read.
    pub fn truncate(&mut self, step: u64) -> Result<()> {
        let count = self.count.min((step / self.kappa) as usize + 1);
        let (per_page, numbers) = (self.per_page(), self.numbers);
        let pages = count.div_ceil(per_page);
        self.pages.truncate(pages);
        self.count = count;
        let rows = count - (pages.max(1) - 1) * per_page;
        let Some(last) = self.pages.last_mut() else { return Ok(()) };
        let values = match last {
            Page::Held(values) => std::mem::take(values),
            // A whole page stays where it is.
            Page::Filed(_, _, all) if *all == rows && rows == per_page => return Ok(()),
            Page::Filed(path, hash, _) => read(path, Some(hash), numbers)?,
        };
        *last = Page::Held(values.get(..rows * numbers).ok_or_else(|| Error::internal("a short page"))?.to_vec());
        Ok(())
    }

    /// What a training that stands at `step` had kept in `folder`.
    pub fn resume(&self, folder: &Path, step: u64) -> Result<Pages> {
        let mut all = Pages::new(self.kappa, self.numbers);
        let count = (step / self.kappa) as usize + 1;
        while all.count < count {
            let path = file(folder, all.pages.len());
            let values = read(&path, None, self.numbers)?;
            let rows = (values.len() / self.numbers).min(count - all.count);
            if rows == 0 || (rows < all.per_page() && all.count + rows < count) {
                return Err(Error::input(format!(
                    "--resume: {} has too few iterates for step {step}; begin the training again in another folder",
                    path.display()
                )));
            }
            all.count += rows;
            all.pages.push(match rows == all.per_page() {
                true => Page::Filed(path.clone(), hash_of(&path)?, rows),
                false => Page::Held(values[..rows * self.numbers].to_vec()),
            });
        }
        Ok(all)
    }

    /// Writes what is held; full pages are then held no longer.
    pub fn write(&mut self, folder: &Path) -> Result<()> {
        let (full, numbers) = (self.per_page() * self.numbers, self.numbers);
        for (i, page) in self.pages.iter_mut().enumerate() {
            let path = file(folder, i);
            match page {
                Page::Held(values) => {
                    let rows = values.len() / numbers;
                    let hash = write(&path, values, numbers)?;
                    if values.len() == full {
                        *page = Page::Filed(path, hash, rows);
                    }
                }
                // Another run's: this folder has a copy of its own.
                Page::Filed(from, hash, rows) if *from != path => {
                    let bytes = std::fs::read(&*from).map_err(Error::io("read", from))?;
                    if sha256(&bytes) != *hash {
                        return Err(changed(from));
                    }
                    write_atomic(&path, &bytes)?;
                    *page = Page::Filed(path, hash.clone(), *rows);
                }
                Page::Filed(..) => {}
            }
        }
        Ok(())
    }

    /// SHA-256 of each file; a page behind them, which a killed process left, is removed.
    pub fn hashes(&self, folder: &Path) -> Result<Vec<String>> {
        (self.pages.len()..)
            .map(|i| file(folder, i))
            .take_while(|path| std::fs::remove_file(path).is_ok())
            .for_each(drop);
        (0..self.pages.len()).map(|i| hash_of(&file(folder, i))).collect()
    }

    /// Pages that lie in a folder.
    pub fn filed(folder: &Path, kappa: u64, numbers: usize, hashes: &[String]) -> Result<Pages> {
        let mut all = Pages::new(kappa, numbers);
        let last = hashes.len().saturating_sub(1);
        for (i, hash) in hashes.iter().enumerate() {
            let path = file(folder, i);
            let rows = match i < last {
                true => all.per_page(),
                false => read(&path, Some(hash), numbers)?.len() / numbers,
            };
            all.pages.push(Page::Filed(path, hash.clone(), rows));
            all.count += rows;
        }
        match all.count {
            0 => Err(Error::input(format!("{}: its trace has no iterate; make the run again", folder.display()))),
            _ => Ok(all),
        }
    }
}

fn changed(path: &Path) -> Error {
    Error::input(format!("{} was changed or damaged since it was written; make the run again", path.display()))
}

fn hash_of(path: &Path) -> Result<String> {
    Ok(sha256(&std::fs::read(path).map_err(Error::io("read", path))?))
}

/// Writes a page and returns the hash of its file.
fn write(path: &Path, values: &[f32], numbers: usize) -> Result<String> {
    let content = sha256(bytemuck::cast_slice(values));
    let shape = vec![values.len() / numbers, numbers];
    weights::save_tensors(path, &[("iterates".to_owned(), shape, values)], &[("content_sha256", content)])?;
    hash_of(path)
}

/// The numbers of a page whose file has this hash; of any, if it is the page that it says it is.
fn read(path: &Path, hash: Option<&str>, numbers: usize) -> Result<Vec<f32>> {
    let bytes = std::fs::read(path).map_err(Error::io("read", path))?;
    if hash.is_some_and(|hash| sha256(&bytes) != hash) {
        return Err(changed(path));
    }
    let bad = |_| changed(path);
    let (_, header) = SafeTensors::read_metadata(&bytes).map_err(bad)?;
    let found = SafeTensors::deserialize(&bytes).map_err(bad)?;
    let tensor = found.tensor("iterates").map_err(bad)?;
    let content = header.metadata().as_ref().and_then(|all| all.get("content_sha256").cloned());
    let values: Vec<f32> = bytemuck::pod_collect_to_vec(tensor.data());
    match content == Some(sha256(tensor.data())) && values.len().is_multiple_of(numbers.max(1)) {
        true => Ok(values),
        false => Err(changed(path)),
    }
}

/// Writes the changed steps' gradients and returns the file's hash; removes the file where there are none.
pub fn save_edits(folder: &Path, edits: &BTreeMap<u64, Edit>) -> Result<Option<String>> {
    let path = folder.join(EDITS);
    if edits.is_empty() {
        // Not there: nothing to remove.
        std::fs::remove_file(&path).unwrap_or_default();
        return Ok(None);
    }
    let each = edits.iter().map(|(step, edit)| (format!("{step:012}"), vec![edit.noisy.len()], edit.noisy.as_slice()));
    weights::save_tensors(&path, &each.collect::<Vec<_>>(), &[])?;
    hash_of(&path).map(Some)
}

/// The changed steps' gradients.
pub fn load_edits(folder: &Path, hash: Option<&str>, numbers: usize) -> Result<BTreeMap<u64, Vec<f32>>> {
    let path = folder.join(EDITS);
    let Some(hash) = hash else { return Ok(BTreeMap::new()) };
    let bytes = std::fs::read(&path).map_err(Error::io("read", &path))?;
    if sha256(&bytes) != hash {
        return Err(changed(&path));
    }
    let found = SafeTensors::deserialize(&bytes).map_err(|_| changed(&path))?;
    let mut all = BTreeMap::new();
    for (name, tensor) in found.tensors() {
        let values: Vec<f32> = bytemuck::pod_collect_to_vec(tensor.data());
        let step = name.parse().ok().filter(|_| values.len() == numbers).ok_or_else(|| changed(&path))?;
        all.insert(step, values);
    }
    Ok(all)
}
