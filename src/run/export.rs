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

use super::folder::{Opened, RunFolder};
use crate::base::write_atomic;
use crate::error::{Error, Result};

pub use encoder::Encoder;

/// What a model may be written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Weights alone, under PyTorch's names.
    Safetensors,
    /// The network with its weights, for inference.
    Onnx,
}

/// A run whose model goes elsewhere.
pub struct ExportJob {
    run: Opened,
}

impl ExportJob {
    /// Reads the run.
    ///
    /// # Errors
    /// A folder that holds no run.
    pub fn read(run: &Path) -> Result<ExportJob> {
        Ok(ExportJob { run: RunFolder::new(run).open()? })
    }

    /// SHA-256 of the run's weights.
    pub fn model_sha256(&self) -> &str {
        self.run.model_sha256()
    }

    /// The file in this format.
    ///
    /// # Errors
    /// A layer that has no form in ONNX, by its name; a corrupt run.
    pub fn bytes(&self, format: Format) -> Result<Vec<u8>> {
        match format {
            Format::Onnx => onnx::model(&self.run, &self.run.theta()?),
            Format::Safetensors => {
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

    /// Writes a model card: Markdown with the header that Hugging Face reads.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn write_card(&self, out: &Path) -> Result<()> {
        write_atomic(out, card::text(&self.run).as_bytes())
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
