//! A folder of fixtures: a `MANIFEST.toml`, and files that must have the SHA-256 that it states.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use safetensors::{Dtype, SafeTensors};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};
use crate::nn::{Model, ModelConfig, ParamLayout};

/// One tensor of a fixture, row-major.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// In PyTorch's order.
    pub shape: Vec<usize>,
    /// Row-major.
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

/// SHA-256 by file name.
pub(super) type Sums = BTreeMap<String, String>;

/// What every manifest says.
#[derive(Deserialize)]
struct Common {
    schema: u32,
    sha256: Sums,
}

/// A network's configuration file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    model: ModelConfig,
}

/// A folder whose manifest was read.
pub(super) struct Folder {
    dir: PathBuf,
    sha256: Sums,
}

impl Folder {
    /// Reads the manifest; `T` is what it says beside schema and sums.
    ///
    /// # Errors
    /// There is none, it is not TOML of this form, or has another schema.
    pub fn open<T: DeserializeOwned>(dir: &Path) -> Result<(Folder, T)> {
        let path = dir.join("MANIFEST.toml");
        let text = std::fs::read_to_string(&path).map_err(Error::io("read", &path))?;
        let bad = |e: toml::de::Error| Error::input(format!("{}: {}", path.display(), e.message()));
        let Common { schema, sha256 } = toml::from_str(&text).map_err(bad)?;
        if schema != 1 {
            return Err(Error::input(format!("{}: schema is {schema}, this build reads 1", path.display())));
        }
        Ok((Folder { dir: dir.to_owned(), sha256 }, toml::from_str(&text).map_err(bad)?))
    }

    /// The manifest's path, for messages.
    pub fn manifest(&self) -> PathBuf {
        self.dir.join("MANIFEST.toml")
    }

    /// A file's bytes.
    ///
    /// # Errors
    /// It cannot be read, or is another one than the manifest names.
    pub fn read(&self, name: &str) -> Result<Vec<u8>> {
        self.read_with(&self.sha256, name)
    }

    /// [`Folder::read`] against other sums, of files that the folder's own were made from.
    pub fn read_with(&self, sums: &Sums, name: &str) -> Result<Vec<u8>> {
        let path = self.dir.join(name);
        let bytes = std::fs::read(&path).map_err(Error::io("read", &path))?;
        let found: String = Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect();
        match sums.get(name) {
            Some(stated) if *stated == found => Ok(bytes),
            stated => Err(Error::input(format!(
                "{}: SHA-256 is {found}, the manifest states {}; write the fixtures again with the script that the \
                    manifest names",
                path.display(),
                stated.map_or("none", String::as_str)
            ))),
        }
    }

    /// The tensors of a safetensors file.
    ///
    /// # Errors
    /// As [`Folder::read`]; the file is none, or holds numbers of another type.
    pub fn tensors(&self, name: &str) -> Result<BTreeMap<String, Tensor>> {
        let bytes = self.read(name)?;
        let bad = |e: String| Error::input(format!("{name}: {e}"));
        let file = SafeTensors::deserialize(&bytes).map_err(|e| bad(e.to_string()))?;
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

    /// The network of a configuration file, for inputs of this shape.
    ///
    /// # Errors
    /// As [`Folder::read`]; the file describes no network for such inputs.
    pub fn model(&self, config: &str, input: &[usize], classes: usize) -> Result<Model> {
        let text = String::from_utf8_lossy(&self.read(config)?).into_owned();
        let parsed: Config = toml::from_str(&text).map_err(|e| Error::input(format!("{config}: {}", e.message())))?;
        Model::build(&parsed.model, input, classes)
    }
}

/// Names and shapes of the stored parameters must be the network's, with none missing and none too many, `count`
/// numbers in all; otherwise, what differs.
pub(super) fn check_parameters(model: &Model, tensors: &BTreeMap<String, Tensor>, count: usize) -> Result<(), String> {
    let ours: BTreeMap<_, _> = model.layout.entries().iter().map(|e| (e.name.as_str(), &e.shape)).collect();
    let stored = tensors.iter().filter_map(|(n, t)| Some((n.strip_prefix("param.")?, &t.shape)));
    let theirs: BTreeMap<_, _> = stored.collect();
    match ours == theirs && model.layout.count() == count {
        true => Ok(()),
        false => Err(format!("parameters are {theirs:?}, the network's {ours:?}")),
    }
}

/// `prefix.<parameter>` of every parameter as one flat vector, 0 between them.
///
/// # Errors
/// Some parameter has no such tensor.
pub(super) fn flat<'a>(
    layout: &ParamLayout,
    prefix: &str,
    tensor: impl Fn(&str) -> Result<&'a Tensor>,
) -> Result<Vec<f32>> {
    let mut flat = vec![0.0; layout.total()];
    for e in layout.entries() {
        flat[e.offset..e.offset + e.len].copy_from_slice(&tensor(&format!("{prefix}.{}", e.name))?.f32());
    }
    Ok(flat)
}

/// A tensor of a network's fixture.
pub(super) fn tensor<'a>(fixture: &str, tensors: &'a BTreeMap<String, Tensor>, name: &str) -> Result<&'a Tensor> {
    tensors.get(name).ok_or_else(|| Error::input(format!("parity fixture {fixture} has no tensor `{name}`")))
}
