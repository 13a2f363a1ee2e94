//! `unlearn export`: a run's model for other programs. safetensors has PyTorch's names; ONNX holds the network too.

mod card;
mod curves;
mod encoder;
mod graph;
mod onnx;
mod protobuf;
mod settings;

use std::fs;
use std::path::Path;

use super::config::Config;
use super::ensemble;
use super::folder::{Opened, RunFolder};
use crate::base::write_atomic;
use crate::error::{Error, Result};
use crate::nn::{Model, folded, unadapted};
use crate::train::weights;

pub use encoder::Encoder;
#[cfg(feature = "report")]
pub(in crate::run) use protobuf::Message;

/// What a model may be written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Weights alone, under PyTorch's names.
    Safetensors,
    /// The network with its weights, for inference.
    Onnx,
}

/// What was done to a network before it is written: a word for its file's metadata, and its value.
type Done = (&'static str, &'static str);

/// A run whose model goes elsewhere.
pub struct ExportJob {
    run: Opened,
    /// The network as it is to be written and its numbers, where that is another, and what was done to it.
    other: Option<(Model, Vec<f32>, Done)>,
}

impl ExportJob {
    /// Reads the run.
    ///
    /// # Errors
    /// A folder that holds no run.
    pub fn read(run: &Path) -> Result<ExportJob> {
        Ok(ExportJob { run: RunFolder::new(run).open()?, other: None })
    }

    /// The same with every batch normalisation folded into the layer before it, for inference.
    ///
    /// # Errors
    /// As [`folded`]; a corrupt run.
    pub fn fold(self) -> Result<ExportJob> {
        let (model, values) = match self.other {
            Some((model, values, _)) => folded(&model, &values)?,
            None => folded(&self.run.model, &self.run.theta()?)?,
        };
        Ok(ExportJob { other: Some((model, values, ("folded", "batch_norm"))), ..self })
    }

    /// The same without its adapters: merged into the weights that they are beside, or taken away.
    ///
    /// # Errors
    /// As [`unadapted`]; a corrupt run.
    pub fn unadapt(self, merge: bool) -> Result<ExportJob> {
        let (model, values) = unadapted(&self.run.model, &self.run.theta()?, merge)?;
        let done = ("adapters", if merge { "merged" } else { "removed" });
        Ok(ExportJob { other: Some((model, values, done)), ..self })
    }

    /// SHA-256 of the run's weights.
    pub fn model_sha256(&self) -> &str {
        self.run.model_sha256()
    }

    /// The network as it is written.
    fn network(&self) -> &Model {
        self.other.as_ref().map_or(&self.run.model, |(model, ..)| model)
    }

    /// The file in this format.
    ///
    /// # Errors
    /// A layer that has no form in ONNX, by its name; a corrupt run.
    pub fn bytes(&self, format: Format) -> Result<Vec<u8>> {
        match (format, &self.other) {
            (Format::Onnx, Some((model, values, done))) => onnx::model(&self.run, model, values, &[*done]),
            (Format::Onnx, None) => onnx::model(&self.run, &self.run.model, &self.run.theta()?, &[]),
            (Format::Safetensors, Some((model, values, (what, how)))) => {
                let metadata = [("format", "pt".to_owned()), (*what, (*how).to_owned())];
                weights::model_bytes(&model.layout, values, &metadata)
            }
            (Format::Safetensors, None) if self.run.info.ensemble.is_some() => ensemble::tensors(&self.run),
            (Format::Safetensors, None) => {
                let path = self.run.folder.model();
                fs::read(&path).map_err(Error::io("read", &path))
            }
        }
    }

    /// Writes the file.
    ///
    /// # Errors
    /// As [`ExportJob::bytes`]; a file that cannot be written.
    pub fn write(&self, format: Format, out: &Path) -> Result<()> {
        write_atomic(out, &self.bytes(format)?)
    }

    /// Writes the configuration that the exported weights belong to: the run's, with the network as it is written.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn write_config(&self, out: &Path) -> Result<()> {
        let run = &self.run.config;
        let config = Config { model: self.network().config(), init: None, ..run.clone() };
        let head = match self.other {
            Some((_, _, ("folded", _))) => {
                "# Each batch_norm is folded into the layer before it: for inference, and for `unlearn import`.\n"
            }
            Some((_, _, (_, "merged"))) => "# Adapters are merged into the weights that they were beside.\n",
            Some(_) => "# Without the adapters that the run has trained.\n",
            None => "",
        };
        write_atomic(out, (head.to_owned() + &config.to_toml()?).as_bytes())
    }

    /// Writes a model card: Markdown with the header that Hugging Face reads.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn write_card(&self, out: &Path) -> Result<()> {
        write_atomic(
            out,
            card::text(&self.run, self.network(), matches!(self.other, Some((_, _, ("folded", _))))).as_bytes(),
        )
    }

    /// Writes how cells of the run's table become the network's input, as JSON.
    ///
    /// # Errors
    /// Data that are no table; a file that cannot be written.
    pub fn write_encoder(&self, out: &Path) -> Result<()> {
        let document = serde_json::to_string_pretty(&encoder::document(&self.run)?);
        let text = document.map_err(|e| Error::internal(format!("an encoder is no JSON: {e}")))?;
        write_atomic(out, (text + "\n").as_bytes())
    }
}
