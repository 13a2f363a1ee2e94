//! Reads `assets/parity`: `MANIFEST.toml`, each network's configuration and its tensors.

use std::collections::BTreeMap;
use std::path::Path;

use safetensors::{Dtype, SafeTensors};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::nn::{Model, ModelConfig};

/// Settings of an optimiser as PyTorch names them; those of the other family are absent.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Optimizer {
    pub lr: f64,
    pub weight_decay: f64,
    #[serde(default)]
    pub momentum: f64,
    #[serde(default)]
    pub nesterov: bool,
    pub betas: Option<[f64; 2]>,
    pub eps: Option<f64>,
}

/// One tensor of a fixture, row-major.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    pub shape: Vec<usize>,
    pub values: Vec<f64>,
}

impl Tensor {
    /// Values as they were stored.
    pub fn f32(&self) -> Vec<f32> {
        self.values.iter().map(|v| *v as f32).collect()
    }

    /// Row `i` of the leading axis.
    pub fn row(&self, i: usize) -> &[f64] {
        let width = self.values.len() / self.shape[0];
        &self.values[i * width..(i + 1) * width]
    }
}

/// One network with everything that PyTorch computed for it.
pub struct Fixture {
    pub name: String,
    pub model: Model,
    pub batch: usize,
    /// Records whose own gradients are stored: the first ones of the batch.
    pub per_sample_records: usize,
    /// Steps of each optimiser; losses are stored before each and after the last.
    pub steps: usize,
    pub optimizers: BTreeMap<String, Optimizer>,
    pub tensors: BTreeMap<String, Tensor>,
}

#[derive(Deserialize)]
struct Manifest {
    schema: u32,
    steps: usize,
    optimizers: BTreeMap<String, Optimizer>,
    models: BTreeMap<String, Entry>,
    sha256: BTreeMap<String, String>,
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    model: ModelConfig,
}

/// Reads every fixture of a folder.
///
/// # Errors
/// A file is missing, is not the one whose SHA-256 the manifest states, or does not describe the network it belongs to.
pub fn load(dir: &Path) -> Result<Vec<Fixture>> {
    let path = dir.join("MANIFEST.toml");
    let text = std::fs::read_to_string(&path).map_err(Error::io("read", &path))?;
    let manifest: Manifest =
        toml::from_str(&text).map_err(|e| Error::input(format!("{}: {}", path.display(), e.message())))?;
    if manifest.schema != 1 {
        return Err(Error::input(format!("{}: schema is {}, this build reads 1", path.display(), manifest.schema)));
    }
    manifest.models.iter().map(|(name, entry)| Fixture::read(dir, &manifest, name, entry)).collect()
}

/// A file's bytes, which must have the SHA-256 that the manifest states.
pub(super) fn read_checked(dir: &Path, sha256: &BTreeMap<String, String>, name: &str) -> Result<Vec<u8>> {
    let path = dir.join(name);
    let bytes = std::fs::read(&path).map_err(Error::io("read", &path))?;
    let found: String = Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect();
    match sha256.get(name) {
        Some(stated) if *stated == found => Ok(bytes),
        stated => Err(Error::input(format!(
            "{}: SHA-256 is {found}, the manifest states {}; write the fixtures again with the script that the manifest names",
            path.display(),
            stated.map_or("none", String::as_str)
        ))),
    }
}

pub(super) fn tensors(what: &str, bytes: &[u8]) -> Result<BTreeMap<String, Tensor>> {
    let bad = |e: String| Error::input(format!("{what}: {e}"));
    let file = SafeTensors::deserialize(bytes).map_err(|e| bad(e.to_string()))?;
    let read = |(name, view): (&str, safetensors::tensor::TensorView)| {
        let values = match view.dtype() {
            Dtype::F32 => view.data().as_chunks().0.iter().map(|b| f64::from(f32::from_le_bytes(*b))).collect(),
            Dtype::F64 => view.data().as_chunks().0.iter().map(|b| f64::from_le_bytes(*b)).collect(),
            Dtype::I64 => view.data().as_chunks().0.iter().map(|b| i64::from_le_bytes(*b) as f64).collect(),
            other => return Err(bad(format!("`{name}` is {other:?}, expected F32, F64 or I64"))),
        };
        Ok((name.to_owned(), Tensor { shape: view.shape().to_vec(), values }))
    };
    file.iter().map(read).collect()
}

impl Fixture {
    fn read(dir: &Path, manifest: &Manifest, name: &str, entry: &Entry) -> Result<Fixture> {
        let text = String::from_utf8_lossy(&read_checked(dir, &manifest.sha256, &entry.config)?).into_owned();
        let config: Config =
            toml::from_str(&text).map_err(|e| Error::input(format!("{}: {}", entry.config, e.message())))?;
        let fixture = Fixture {
            name: name.to_owned(),
            model: Model::build(&config.model, &entry.input, entry.classes)?,
            batch: entry.batch,
            per_sample_records: entry.per_sample_records,
            steps: manifest.steps,
            optimizers: manifest.optimizers.clone(),
            tensors: tensors(&entry.tensors, &read_checked(dir, &manifest.sha256, &entry.tensors)?)?,
        };
        fixture.check(entry)?;
        Ok(fixture)
    }

    /// Names and shapes of the parameters must be the network's, with none missing and none too many.
    fn check(&self, entry: &Entry) -> Result<()> {
        let ours: BTreeMap<_, _> = self.model.layout.entries().iter().map(|e| (e.name.as_str(), &e.shape)).collect();
        let stored = self.tensors.iter().filter_map(|(n, t)| Some((n.strip_prefix("param.")?, &t.shape)));
        let theirs: BTreeMap<_, _> = stored.collect();
        if ours != theirs || self.model.layout.count() != entry.parameters {
            return Err(Error::input(format!("{}: parameters are {theirs:?}, the network's {ours:?}", self.name)));
        }
        Ok(())
    }

    /// A tensor by its name in the file.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn tensor(&self, name: &str) -> Result<&Tensor> {
        let found = self.tensors.get(name);
        found.ok_or_else(|| Error::input(format!("parity fixture {} has no tensor `{name}`", self.name)))
    }

    /// The flat parameter vector that everything starts from.
    ///
    /// # Errors
    /// The fixture lacks a parameter.
    pub fn theta(&self) -> Result<Vec<f32>> {
        let mut theta = vec![0.0; self.model.layout.total()];
        for e in self.model.layout.entries() {
            let values = self.tensor(&format!("param.{}", e.name))?.f32();
            theta[e.offset..e.offset + e.len].copy_from_slice(&values);
        }
        Ok(theta)
    }
}
