//! What a run had forgotten before it is asked again: it stays forgotten.

use super::folder::Opened;
use super::target::Target;
use super::{references, refit};
use crate::data::{Dataset, Origins, RecordKind, Request};
use crate::error::Result;

/// The requests that a run obeyed.
#[derive(Default)]
pub struct Earlier {
    /// They go before the next ones in what the new run keeps.
    pub requests: Vec<Request>,
    /// What they meant.
    pub target: Target,
    /// Where the records are from.
    pub origins: Origins,
}

impl Earlier {
    /// Of a run that was read back, on its data as they were loaded. Links are numbered by the edges that are there: a
    /// request on them is read by itself, against the whole graph.
    ///
    /// # Errors
    /// A request that does not fit the data.
    pub fn of(run: &Opened) -> Result<Earlier> {
        let again = run.info.forget.is_some() && run.data.kind() != RecordKind::Link;
        let requests = run.requests.clone().filter(|_| again).unwrap_or_default();
        if requests.is_empty() {
            return Ok(Earlier::default());
        }
        let target = references::target_of(run)?.unwrap_or_default();
        let origins = refit::origins(&run.data, &target);
        Ok(Earlier { requests, target, origins })
    }

    /// Takes from a graph of nodes what they deleted.
    pub fn lose(&self, data: &mut Dataset) {
        if let Some(deletion) = self.target.deletion() {
            data.lose(deletion, &self.target.split.retain);
        }
    }
}
