//! What a run had forgotten before it is asked again: it stays forgotten.

use super::folder::Opened;
use super::refit;
use super::target::Target;
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
    /// As [`Target::of`].
    pub fn of(run: &Opened) -> Result<Earlier> {
        let again = run.info.forget.is_some() && run.data.kind() != RecordKind::Link;
        let requests = run.requests.clone().filter(|_| again).unwrap_or_default();
        if requests.is_empty() {
            return Ok(Earlier::default());
        }
        let target = Target::of(&requests, &run.data, &run.model, run.config.seed)?;
        let origins = refit::origins(&run.data, &target);
        Ok(Earlier { requests, target, origins })
    }

    /// Takes from a graph of nodes what they deleted.
    pub fn lose(&self, data: &mut Dataset) {
        if let Some(deletion) = self.target.deletion() {
            data.lose(deletion, &self.target.split.retain);
        }
    }

    /// Takes what they and a new request name from the parts that no parameter saw.
    pub fn leave(&self, data: &mut Dataset, target: &Target) {
        let mut unseen = [&self.target.split.unseen[..], &target.split.unseen].concat();
        unseen.sort_unstable();
        data.leave(&unseen);
    }
}
