//! The trace of a coupled training: its draws as counters, what coupling changed in them, and every κ-th iterate.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::draw;
use super::pages::{Edit, NAME, Pages, load_edits, save_edits};
use crate::base::write_atomic;
use crate::error::{Error, Result};
use crate::train::TrainConfig;

/// Layout of `trace.json`.
const SCHEMA: &str = "unlearn.trace/1";

/// Steps that draw from one set of records by one seed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Generation {
    /// Its first step.
    pub from: u64,
    /// Of its batches and its noise.
    pub seed: u64,
    /// Records that were gone by then, ascending.
    pub without: Vec<u32>,
}

/// What is stored of a training by which it can be coupled. The law of the whole of it, over the draws, is that of a
/// training that never had the records that are gone.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    steps: u64,
    batch: usize,
    /// Records that the training began with.
    records: usize,
    /// Of the training, from which those of requests are made.
    seed: u64,
    generations: Vec<Generation>,
    gone: Vec<u32>,
    requests: u64,
    edits: BTreeMap<u64, Edit>,
    iterates: Pages,
}

/// `trace.json`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    schema: String,
    steps: u64,
    batch: usize,
    records: usize,
    seed: u64,
    kappa: u64,
    numbers: usize,
    generations: Vec<Generation>,
    gone: Vec<u32>,
    requests: u64,
    /// Steps that were changed, with their records.
    edits: BTreeMap<u64, Vec<u32>>,
    /// SHA-256 of each page, and of the changed steps' gradients.
    pages: Vec<String>,
    noisy: Option<String>,
}

impl Trace {
    /// The trace of a training of `train` over `records` records from `start` on, where every step is still to come:
    /// complete in its draws, with one iterate.
    ///
    /// # Errors
    /// A recipe that is not coupled.
    pub fn begin(train: &TrainConfig, seed: u64, records: usize, start: &[f32]) -> Result<Trace> {
        let coupled = train.coupled.ok_or_else(|| {
            Error::input("there is no trace of this training: it has no table [train.coupled]; train with one")
        })?;
        let mut iterates = Pages::new(coupled.kappa, start.len());
        iterates.push(start);
        let generations = vec![Generation { from: 0, seed, without: Vec::new() }];
        let (steps, batch) = (coupled.steps, train.batch_size);
        let (gone, requests, edits) = (Vec::new(), 0, BTreeMap::new());
        Ok(Trace { steps, batch, records, seed, generations, gone, requests, edits, iterates })
    }

    /// Steps of the training.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Records that are gone, ascending.
    pub fn gone(&self) -> &[u32] {
        &self.gone
    }

    /// Requests that it has been coupled for.
    pub fn requests(&self) -> u64 {
        self.requests
    }

    /// Bytes of its iterates and of what coupling changed.
    pub fn bytes(&self) -> u64 {
        let changed: usize = self.edits.values().map(|e| 4 * (e.batch.len() + e.noisy.len())).sum();
        self.iterates.bytes() + changed as u64
    }

    /// The records of every step, given all that there are or were (ascending): what [`Draws::batch`] draws from.
    ///
    /// # Errors
    /// Others than the training had; a record that is gone among the retained ones.
    pub fn draws(&self, retained: &[u32], forgotten: &[u32]) -> Result<Draws> {
        if let Some(record) = retained.iter().find(|record| self.gone.binary_search(record).is_ok()) {
            return Err(Error::input(format!(
                "the trace has forgotten record {record} (by its position), which is retained again; ask a run that \
                    still has it"
            )));
        }
        let mut all = [retained, forgotten, &self.gone].concat();
        all.sort_unstable();
        all.dedup();
        if all.len() != self.records {
            return Err(Error::input(format!(
                "the trace is one of a training on {} records, and there are {} now; give the data that the run was \
                    trained on",
                self.records,
                all.len()
            )));
        }
        let left = |generation: &Generation| {
            let without: HashSet<u32> = generation.without.iter().copied().collect();
            let records = all.iter().copied().filter(|record| !without.contains(record)).collect();
            (generation.from, generation.seed, records)
        };
        Ok(Draws { generations: self.generations.iter().map(left).collect(), count: self.batch })
    }

    /// What a coupling changed in step `step`.
    pub fn edit(&self, step: u64) -> Option<&Edit> {
        self.edits.get(&step)
    }

    /// The seed of the next request's own draws.
    pub fn next_seed(&self, seed: u64) -> u64 {
        // A request's seed may be the training's own, which must not give the same numbers again.
        draw::seed_of(seed ^ self.seed.rotate_left(32), self.requests + 1)
    }

    /// The last iterate that is kept at or before `step`, with its step.
    ///
    /// # Errors
    /// A page that cannot be read, or is not what was written.
    pub fn before(&self, step: u64) -> Result<(u64, Vec<f32>)> {
        self.iterates.before(step)
    }

    /// Keeps an iterate if it is the next one that is to be kept.
    pub fn pass(&mut self, step: u64, theta: &[f32]) {
        if step == self.iterates.next() {
            self.iterates.push(theta);
        }
    }

    /// The next step whose iterate is kept after `step`.
    pub fn next_kept(&self, step: u64) -> u64 {
        let kappa = self.iterates.kappa();
        (step / kappa).saturating_add(1).saturating_mul(kappa)
    }

    /// Whether step `step`'s iterate is the next to be kept.
    pub fn wants(&self, step: u64) -> bool {
        step == self.iterates.next()
    }

    /// Step `step` has this batch now, and keeps its noisy gradient.
    pub fn keep(&mut self, step: u64, edit: Edit) {
        self.edits.insert(step, edit);
    }

    /// Step `step` is replaced; what comes after it is drawn anew by `seed` without all that is `gone`.
    ///
    /// # Errors
    /// A page that cannot be read.
    pub fn turn(&mut self, step: u64, edit: Edit, seed: u64, gone: &[u32]) -> Result<()> {
        self.iterates.truncate(step)?;
        self.edits.retain(|at, _| *at < step);
        self.edits.insert(step, edit);
        self.generations.retain(|generation| generation.from <= step);
        self.generations.push(Generation { from: step + 1, seed, without: gone.to_vec() });
        Ok(())
    }

    /// Books a request that is done.
    pub fn close(&mut self, gone: Vec<u32>) {
        self.gone = gone;
        self.requests += 1;
    }

    /// Goes back to step `step` of a training that is resumed there.
    ///
    /// # Errors
    /// Pages that are not there, or not what was written.
    pub fn resume(&mut self, folder: &Path, step: u64) -> Result<()> {
        self.iterates = self.iterates.resume(folder, step)?;
        Ok(())
    }

    /// Writes the pages that are not in the folder yet, and the last one.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn write_pages(&mut self, folder: &Path) -> Result<()> {
        self.iterates.write(folder)
    }

    /// Writes the whole trace, `trace.json` last.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn save(&mut self, folder: &Path) -> Result<()> {
        self.write_pages(folder)?;
        let pages = self.iterates.hashes(folder)?;
        let noisy = save_edits(folder, &self.edits)?;
        let head = Head {
            schema: SCHEMA.into(),
            steps: self.steps,
            batch: self.batch,
            records: self.records,
            seed: self.seed,
            kappa: self.iterates.kappa(),
            numbers: self.iterates.numbers(),
            generations: self.generations.clone(),
            gone: self.gone.clone(),
            requests: self.requests,
            edits: self.edits.iter().map(|(step, edit)| (*step, edit.batch.clone())).collect(),
            pages,
            noisy,
        };
        let text = serde_json::to_string_pretty(&head).map_err(|e| Error::internal(format!("{NAME}: {e}")))?;
        write_atomic(&folder.join(NAME), (text + "\n").as_bytes())
    }

    /// Reads a folder's trace; pages are read when they are asked for. None where there is none.
    ///
    /// # Errors
    /// A file that is not what was written, or of another version.
    pub fn load(folder: &Path) -> Result<Option<Trace>> {
        let path = folder.join(NAME);
        if !path.exists() {
            return Ok(None);
        }
        let text = std::fs::read_to_string(&path).map_err(Error::io("read", &path))?;
        let bad = |why: String| Error::input(format!("{}: {why}; make the run again", path.display()));
        let head: Head = serde_json::from_str(&text).map_err(|e| bad(e.to_string()))?;
        if head.schema != SCHEMA {
            return Err(bad(format!("schema `{SCHEMA}` was expected, it has `{}`", head.schema)));
        }
        if head.generations.first().is_none_or(|first| first.from != 0) || head.kappa == 0 || head.numbers == 0 {
            return Err(bad("it has no first step".into()));
        }
        let iterates = Pages::filed(folder, head.kappa, head.numbers, &head.pages)?;
        let noisy = load_edits(folder, head.noisy.as_deref(), head.numbers)?;
        let mut edits = BTreeMap::new();
        for (step, batch) in head.edits {
            let noisy = noisy.get(&step).cloned().ok_or_else(|| bad(format!("step {step} has no gradient")))?;
            edits.insert(step, Edit { batch, noisy });
        }
        let Head { steps, batch, records, seed, generations, gone, requests, .. } = head;
        Ok(Some(Trace { steps, batch, records, seed, generations, gone, requests, edits, iterates }))
    }
}

/// Where each step draws from.
#[derive(Clone, Debug)]
pub struct Draws {
    /// First step, seed and records, in their order.
    generations: Vec<(u64, u64, Vec<u32>)>,
    count: usize,
}

impl Draws {
    /// The seed of step `step`'s noise, and the records that its counters draw.
    pub fn step(&self, step: u64) -> (u64, Vec<u32>) {
        let at = self.generations.iter().rfind(|(from, ..)| *from <= step).unwrap_or(&self.generations[0]);
        (at.1, draw::batch(&at.2, self.count, at.1, step))
    }
}
