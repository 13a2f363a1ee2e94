//! Checkpoints: theta, optimiser state and position in one safetensors file, written atomically, resumed to the bit.

use std::collections::BTreeMap;
use std::path::Path;

use safetensors::tensor::SafeTensors;

use super::fit::VECTOR_NAMES;
use super::progress::{Best, FitState};
use super::weights;
use crate::base::Digest;
use crate::engine::Precision;
use crate::error::{Error, Result};
use crate::nn::ParamLayout;

/// Version of the file's layout.
const VERSION: &str = "2";

/// Where in the metadata the checksum of all the rest is.
const CHECKSUM: &str = "sha256";

/// Where the precision is; checkpoints without it are of f32.
const PRECISION: &str = "precision";

/// The weights' average, and the best ones with their epoch and value (as bits), where there are any.
const AVERAGE: &str = "average";
const BEST: &str = "best";
const BEST_EPOCH: &str = "best_epoch";
const BEST_VALUE: &str = "best_value";

/// What a run continues from.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// The network's numbers, [layout.whole()].
    pub theta: Vec<f32>,
    /// Everything else that the continuation depends on.
    pub fit: FitState,
    /// Digest of the resolved configuration: a run continues only under the settings it started with.
    pub config_sha256: String,
    /// Hash of the records ([`crate::data::Dataset::sha256`]): and only on the data that it started with.
    pub data_sha256: String,
    /// SHA-256 of the weights that it began with, where the configuration names some.
    pub base_sha256: Option<String>,
    /// In what numbers its products are computed.
    pub precision: Precision,
    /// SHA-256 of the lines that `metrics.jsonl` has of the epochs behind it.
    pub metrics_sha256: String,
}

impl Checkpoint {
    /// Writes the checkpoint; a reader sees the old one or the new one.
    pub fn save(&self, path: &Path) -> Result<()> {
        let mut tensors = vec![("theta".to_owned(), vec![self.theta.len()], self.theta.as_slice())];
        for (name, v) in VECTOR_NAMES.iter().zip(&self.fit.vectors) {
            tensors.push(((*name).to_owned(), vec![v.len()], v));
        }
        let f = &self.fit;
        let average = f.average.as_ref().map(|average| (AVERAGE, average));
        for (name, v) in average.into_iter().chain(f.best.as_ref().map(|best| (BEST, &best.theta))) {
            tensors.push((name.to_owned(), vec![v.len()], v));
        }
        // f64 sums travel as bits: the resumed epoch's means must be the unbroken run's.
        let mut metadata = vec![
            ("version", VERSION.to_owned()),
            ("config_sha256", self.config_sha256.clone()),
            ("data_sha256", self.data_sha256.clone()),
            ("base_sha256", self.base_sha256.clone().unwrap_or_default()),
            ("metrics_sha256", self.metrics_sha256.clone()),
            ("epoch", f.epoch.to_string()),
            ("at", f.at.to_string()),
            ("step", f.step.to_string()),
            ("loss_sum", f.loss_sum.to_bits().to_string()),
            ("correct_sum", f.correct_sum.to_bits().to_string()),
            ("count", f.count.to_bits().to_string()),
        ];
        if let Some(best) = &f.best {
            metadata.push((BEST_EPOCH, best.epoch.to_string()));
            metadata.push((BEST_VALUE, best.value.to_bits().to_string()));
        }
        if !self.precision.is_f32() {
            metadata.push((PRECISION, self.precision.word().to_owned()));
        }
        let words = metadata.iter().map(|(key, value)| (*key, value.as_str())).collect();
        let checksum = checksum(&words, tensors.iter().map(|(name, _, v)| (name.as_str(), bytemuck::cast_slice(v))));
        metadata.push((CHECKSUM, checksum));
        weights::save_tensors(path, &tensors, &metadata)
    }

    /// Reads a checkpoint of a model with this layout.
    ///
    /// # Errors
    /// A corrupt file, another version, another model.
    pub fn load(path: &Path, layout: &ParamLayout) -> Result<Checkpoint> {
        let bytes = std::fs::read(path).map_err(Error::io("read", path))?;
        let fail = |what: String| Error::input(format!("checkpoint {}: {what}", path.display()));
        let corrupt = |e: safetensors::SafeTensorError| fail(format!("not a whole safetensors file: {e}"));
        let (_, header) = SafeTensors::read_metadata(&bytes).map_err(corrupt)?;
        let file = SafeTensors::deserialize(&bytes).map_err(corrupt)?;
        let meta = header.metadata().clone().unwrap_or_default();
        let text = |key: &str| meta.get(key).cloned().ok_or_else(|| fail(format!("`{key}` is missing")));
        let number = |key: &str| text(key)?.parse::<u64>().map_err(|_| fail(format!("`{key}` is not a number")));
        if text("version")? != VERSION {
            return Err(fail(format!(
                "version {VERSION} was expected, it has {}; end the training with the version of the program that \
                    wrote it, or begin it again in another folder",
                text("version")?
            )));
        }
        let words = meta.iter().filter(|(key, _)| *key != CHECKSUM).map(|(key, value)| (key.as_str(), value.as_str()));
        let tensors = file.tensors();
        let now = checksum(&words.collect(), tensors.iter().map(|(name, tensor)| (name.as_str(), tensor.data())));
        let then = text(CHECKSUM)?;
        if now != then {
            return Err(fail(format!(
                "its content has the hash {now}, and {then} was written with it: the file was changed or damaged; \
                    begin the training again in another folder"
            )));
        }
        let vector = |name: &str, want: usize| {
            let tensor = file.tensor(name).map_err(corrupt)?;
            let values: Vec<f32> = bytemuck::pod_collect_to_vec(tensor.data());
            if values.len() == want {
                Ok(values)
            } else {
                Err(fail(format!("`{name}` has {} elements, the model {want}", values.len())))
            }
        };
        let names = VECTOR_NAMES.iter().filter(|n| file.tensor(n).is_ok());
        let vectors = names.map(|n| vector(n, layout.total())).collect::<Result<_>>()?;
        let there = |name: &str, len| file.tensor(name).is_ok().then(|| vector(name, len)).transpose();
        let average = there(AVERAGE, layout.total())?;
        let best = match there(BEST, layout.whole())? {
            Some(theta) => {
                let (epoch, value) = (number(BEST_EPOCH)? as usize, f64::from_bits(number(BEST_VALUE)?));
                Some(Best { epoch, value, theta })
            }
            None => None,
        };
        let fit = FitState {
            epoch: number("epoch")? as usize,
            at: number("at")? as usize,
            step: number("step")?,
            loss_sum: f64::from_bits(number("loss_sum")?),
            correct_sum: f64::from_bits(number("correct_sum")?),
            count: f64::from_bits(number("count")?),
            vectors,
            average,
            best,
        };
        let (config_sha256, data_sha256) = (text("config_sha256")?, text("data_sha256")?);
        let base_sha256 = Some(text("base_sha256")?).filter(|hash| !hash.is_empty());
        let (theta, metrics_sha256) = (vector("theta", layout.whole())?, text("metrics_sha256")?);
        let precision = meta.get(PRECISION).map_or(Some(Precision::F32), |word| Precision::of(word));
        let precision = precision.ok_or_else(|| fail(format!("`{PRECISION}` is none that this program knows")))?;
        Ok(Checkpoint { theta, fit, config_sha256, data_sha256, base_sha256, precision, metrics_sha256 })
    }
}

/// Over every word of the metadata and every tensor, both in the order of their names.
fn checksum<'a>(words: &BTreeMap<&str, &str>, tensors: impl Iterator<Item = (&'a str, &'a [u8])>) -> String {
    let mut digest = Digest::new("unlearn.checkpoint/2");
    for (key, value) in words {
        digest.field(key, value.as_bytes());
    }
    let tensors: BTreeMap<&str, &[u8]> = tensors.collect();
    for (name, values) in tensors {
        digest.field(name, values);
    }
    digest.finish()
}
