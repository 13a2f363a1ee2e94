//! Reads `assets/parity/language`: small language models with everything that PyTorch computed for them in float64.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::files::{self, Folder, Tensor};
use crate::error::{Error, Result};
use crate::nn::Model;

/// One language model, a ragged batch and the tensors of `tools/parity/README.md`.
pub struct LanguageFixture {
    /// Stem of its files.
    pub name: String,
    /// The network.
    pub model: Model,
    /// Tokens of each sequence.
    pub lengths: Vec<usize>,
    /// Every sequence's tokens, one sequence behind the other.
    pub tokens: Vec<u32>,
    /// What each of them should be followed by.
    pub targets: Vec<u32>,
    /// Factor on each token's loss.
    pub weight: Vec<f32>,
    tensors: BTreeMap<String, Tensor>,
}

#[derive(Deserialize)]
struct Manifest {
    vocabulary: usize,
    models: BTreeMap<String, Entry>,
}

#[derive(Deserialize)]
struct Entry {
    config: String,
    tensors: String,
    parameters: usize,
}

/// Reads every language fixture of a folder.
///
/// # Errors
/// A file is missing, is not the one whose SHA-256 the manifest states, or does not describe the network it belongs to.
pub fn load_language(dir: &Path) -> Result<Vec<LanguageFixture>> {
    let (folder, manifest) = Folder::open::<Manifest>(dir)?;
    manifest.models.iter().map(|(name, entry)| read(&folder, name, entry, manifest.vocabulary)).collect()
}

fn read(folder: &Folder, name: &str, entry: &Entry, vocabulary: usize) -> Result<LanguageFixture> {
    let tensors = folder.tensors(&entry.tensors)?;
    let words = |name: &str| -> Vec<u32> {
        tensors.get(name).map(|t| t.values.iter().map(|v| *v as u32).collect()).unwrap_or_default()
    };
    let fixture = LanguageFixture {
        name: name.to_owned(),
        model: folder.model(&entry.config, &[vocabulary], vocabulary)?,
        lengths: words("lengths").into_iter().map(|n| n as usize).collect(),
        tokens: words("tokens"),
        targets: words("targets"),
        weight: tensors.get("weight").map(Tensor::f32).unwrap_or_default(),
        tensors,
    };
    let rows: usize = fixture.lengths.iter().sum();
    let found = [fixture.tokens.len(), fixture.targets.len(), fixture.weight.len()];
    let bad = |what: String| Error::input(format!("parity fixture {name}: {what}"));
    if found != [rows; 3] {
        return Err(bad(format!("tokens, targets and weights are {found:?}, expected {rows} each")));
    }
    files::check_parameters(&fixture.model, &fixture.tensors, entry.parameters).map_err(bad)?;
    Ok(fixture)
}

impl LanguageFixture {
    /// A tensor by its name in the file.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn tensor(&self, name: &str) -> Result<&Tensor> {
        files::tensor(&self.name, &self.tensors, name)
    }

    /// `prefix.<parameter>` of every parameter as one flat vector, 0 between them.
    ///
    /// # Errors
    /// Some parameter has no such tensor.
    pub fn flat(&self, prefix: &str) -> Result<Vec<f32>> {
        files::flat(&self.model.layout, prefix, |name| self.tensor(name))
    }

    /// Names of all tensors that were computed, not given.
    pub fn computed(&self) -> impl Iterator<Item = &str> {
        let given = ["tokens", "targets", "weight", "lengths"];
        let names = self.tensors.keys().map(String::as_str);
        names.filter(move |n| !given.contains(n) && !n.starts_with("param.") && !n.starts_with("direction."))
    }
}
