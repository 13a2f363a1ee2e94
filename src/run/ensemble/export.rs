//! The weights of all members in one file.

use std::fs;

use safetensors::SafeTensors;
use safetensors::tensor::TensorView;

use super::members_of;
use crate::error::{Error, Result};
use crate::run::folder::Opened;

/// A file of safetensors with the tensors of each member, `members.000.` before their names, and with their learned
/// weights, where there are some, as `aggregator.weights`.
///
/// # Errors
/// A member that is gone or another.
pub fn tensors(top: &Opened) -> Result<Vec<u8>> {
    let mut files = Vec::new();
    for (index, (folder, info)) in members_of(top)?.iter().enumerate() {
        folder.check(info)?;
        files.push((index, fs::read(folder.model()).map_err(Error::io("read", &folder.model()))?));
    }
    let corrupt = |e| Error::input(format!("{}: {e}", top.folder.path.display()));
    let mut all: Vec<(String, TensorView)> = Vec::new();
    for (index, bytes) in &files {
        let file = SafeTensors::deserialize(bytes).map_err(corrupt)?;
        all.extend(file.tensors().into_iter().map(|(name, tensor)| (format!("members.{index:03}.{name}"), tensor)));
    }
    let learned = top.folder.aggregator();
    let learned = learned.exists().then(|| fs::read(&learned).map_err(Error::io("read", &learned))).transpose()?;
    if let Some(bytes) = &learned {
        let file = SafeTensors::deserialize(bytes).map_err(corrupt)?;
        all.extend(file.tensors().into_iter().map(|(name, tensor)| (format!("aggregator.{name}"), tensor)));
    }
    safetensors::serialize(all, None).map_err(corrupt)
}
