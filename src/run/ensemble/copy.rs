//! A finished member in a new place.

use std::fs;
use std::path::Path;

use crate::base::write_atomic;
use crate::error::{Error, Result};
use crate::run::folder::RunFolder;

/// Takes a member over as it is, `run.json` last.
///
/// # Errors
/// A place that is taken; a file that cannot be read or written.
pub(in crate::run) fn copy(from: &Path, to: &RunFolder) -> Result<()> {
    let hold = to.claim("forget", false)?;
    let begun = hold.as_ref().map_or(Ok(()), |hold| hold.begin("copy"));
    begun?;
    let from = RunFolder::new(from);
    let steps = from.kept_steps();
    if !steps.is_empty() {
        fs::create_dir_all(to.kept()).map_err(Error::io("create", &to.kept()))?;
    }
    let kept = steps.into_iter().map(|step| (from.kept_at(step), to.kept_at(step)));
    let bound = from.bound().into_iter().zip(to.bound());
    let weights = [(from.model(), to.model()), (from.info(), to.info())];
    for (source, place) in kept.chain(bound).chain(weights).filter(|(source, _)| source.exists()) {
        let bytes = fs::read(&source).map_err(Error::io("read", &source))?;
        write_atomic(&place, &bytes)?;
    }
    Ok(())
}
