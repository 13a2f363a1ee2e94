//! Reads `assets/parity`: `MANIFEST.toml`, each network's configuration and its tensors.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::files::{self, Folder, Tensor};
use crate::error::{Error, Result};
use crate::nn::{Init, Model};

/// Settings of an optimiser as PyTorch names them; those of the other family are absent.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Optimizer {
    /// Learning rate.
    pub lr: f64,
    /// Factor of a parameter that is added to its gradient.
    pub weight_decay: f64,
    /// Share of the last velocity that is kept.
    #[serde(default)]
    pub momentum: f64,
    /// Nesterov's form of momentum.
    #[serde(default)]
    pub nesterov: bool,
    /// Decays of Adam's two means.
    pub betas: Option<[f64; 2]>,
    /// Added to the root of the second moment.
    pub eps: Option<f64>,
}

/// One network with everything that PyTorch computed for it.
pub struct Fixture {
    /// Stem of its files.
    pub name: String,
    /// The network.
    pub model: Model,
    /// Records.
    pub batch: usize,
    /// Records whose own gradients are stored: the first ones of the batch.
    pub per_sample_records: usize,
    /// Steps of each optimiser; losses are stored before each and after the last.
    pub steps: usize,
    /// Settings of the optimisers whose steps it holds, by name.
    pub optimizers: BTreeMap<String, Optimizer>,
    /// What PyTorch computed, by name.
    pub tensors: BTreeMap<String, Tensor>,
}

#[derive(Deserialize)]
struct Manifest {
    steps: usize,
    optimizers: BTreeMap<String, Optimizer>,
    models: BTreeMap<String, Entry>,
}

#[derive(Deserialize)]
struct Entry {
    config: String,
    tensors: String,
    input: Vec<usize>,
    classes: usize,
    batch: usize,
    per_sample_records: usize,
    parameters: usize,
}

/// Reads every fixture of a folder.
///
/// # Errors
/// A file is missing, is not the one whose SHA-256 the manifest states, or does not describe the network it belongs to.
pub fn load(dir: &Path) -> Result<Vec<Fixture>> {
    let (folder, manifest) = Folder::open::<Manifest>(dir)?;
    manifest.models.iter().map(|(name, entry)| Fixture::read(&folder, &manifest, name, entry)).collect()
}

impl Fixture {
    fn read(folder: &Folder, manifest: &Manifest, name: &str, entry: &Entry) -> Result<Fixture> {
        let fixture = Fixture {
            name: name.to_owned(),
            model: folder.model(&entry.config, &entry.input, entry.classes)?,
            batch: entry.batch,
            per_sample_records: entry.per_sample_records,
            steps: manifest.steps,
            optimizers: manifest.optimizers.clone(),
            tensors: folder.tensors(&entry.tensors)?,
        };
        let checked = files::check_parameters(&fixture.model, &fixture.tensors, entry.parameters);
        checked.map_err(|what| Error::input(format!("parity fixture {name}: {what}")))?;
        Ok(fixture)
    }

    /// A tensor by its name in the file.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn tensor(&self, name: &str) -> Result<&Tensor> {
        files::tensor(&self.name, &self.tensors, name)
    }

    /// The network's numbers that everything starts from: the flat parameter vector, and running statistics behind it.
    ///
    /// # Errors
    /// The fixture lacks one.
    pub fn theta(&self) -> Result<Vec<f32>> {
        let layout = &self.model.layout;
        let mut numbers = files::flat(layout, "param", |name| self.tensor(name))?;
        numbers.resize(layout.whole(), 0.0);
        let state = &mut numbers[layout.total()..];
        for e in layout.state().iter().filter(|e| e.init != Init::Count) {
            state[e.offset..e.offset + e.len].copy_from_slice(&self.tensor(&format!("state.{}", e.name))?.f32());
        }
        Ok(numbers)
    }
}
