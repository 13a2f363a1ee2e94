//! Several networks in the place of one: a folder with a run for each member, and one `run.json` above them.

mod aggregate;
mod aggregator;
mod asked;
mod copy;
mod cost;
mod eraser;
mod export;
mod forget;
mod members;
mod rates;
mod read;
mod train;
mod weights;

use std::path::PathBuf;

use super::folder::{Opened, RunFolder};
use super::info::{EnsembleInfo, MemberInfo, RunInfo};
use crate::base::Digest;
use crate::data::{Dataset, FitOn, Fitted};
use crate::error::{Error, Result};

pub(super) use copy::copy;
#[cfg(all(feature = "ledger", feature = "report"))]
pub(super) use eraser::check_method;
pub use export::tensors;
pub use forget::EnsembleForget;
pub use members::train_members;
pub use read::{evaluate, logits};
pub use train::{EnsembleEvent, EnsembleJob};

impl RunFolder {
    /// The folder of a member of an ensemble.
    pub fn member(&self, index: usize) -> RunFolder {
        RunFolder::new(&self.path.join("members").join(format!("{index:03}")))
    }

    /// The folders of the first members.
    pub fn members(&self, count: usize) -> Vec<RunFolder> {
        (0..count).map(|index| self.member(index)).collect()
    }
}

/// What an ensemble's weights are known by.
fn model_sha256(ensemble: &EnsembleInfo) -> String {
    let mut digest = Digest::new("unlearn.ensemble/1");
    for member in &ensemble.members {
        digest.field("model", member.model_sha256.as_bytes());
    }
    if let Some(aggregator) = &ensemble.aggregator {
        digest.field("aggregator", bytemuck::cast_slice(&aggregator.weights));
    }
    digest.finish()
}

/// What the ensemble's own view of its data is fitted on: what the first member has, and the classes of all. Nothing is
/// fitted for the whole, since that would hold something of every record.
fn fitted_of(members: &[RunInfo], data_classes: &[String]) -> Result<Fitted> {
    let first = members.first().ok_or_else(|| Error::internal("an ensemble without members"))?;
    let known = |name: &&String| members.iter().any(|member| member.data.fitted.class_names.contains(name));
    let class_names = data_classes.iter().filter(known).cloned().collect();
    Ok(Fitted { class_names, ..first.data.fitted.clone() })
}

/// The members of an opened ensemble, checked to be those that it was finished with.
///
/// # Errors
/// A run that is no ensemble; a member that is gone or another.
pub(super) fn members_of(top: &Opened) -> Result<Vec<(RunFolder, RunInfo)>> {
    let Some(ensemble) = &top.info.ensemble else {
        return Err(Error::input(format!("{} is one network, and no ensemble", top.folder.path.display())));
    };
    let folders = top.folder.members(ensemble.members.len());
    folders
        .into_iter()
        .zip(&ensemble.members)
        .map(|(folder, then)| Ok((folder.clone(), same(&folder, then)?)))
        .collect()
}

fn same(folder: &RunFolder, then: &MemberInfo) -> Result<RunInfo> {
    let (info, now) = (folder.read_info()?, super::evidence::hash_of(&folder.info())?);
    match now == then.run_sha256 {
        true => Ok(info),
        false => Err(Error::input(format!(
            "{} has the SHA-256 {now}, and the ensemble was made with {}: another run is there; take it from a copy",
            folder.info().display(),
            then.run_sha256
        ))),
    }
}

/// What the ensemble says of a member.
fn member_info(folder: &RunFolder, info: &RunInfo, records: usize) -> Result<MemberInfo> {
    Ok(MemberInfo {
        run_sha256: super::evidence::hash_of(&folder.info())?,
        model_sha256: info.model_sha256.clone(),
        records,
        seconds: info.seconds,
    })
}

/// The whole data as one member's fit has them; of a shard of a graph what it is asked with.
fn view(config: &super::config::Config, fitted: &Fitted, absent: &crate::data::Absent) -> Result<Dataset> {
    match config.attached(FitOn::Kept(fitted), None)? {
        Some(data) => Ok(data),
        None => config.beyond_shard().load_without(FitOn::Kept(fitted), absent),
    }
}

/// Hash of what the members of an ensemble over a graph are trained on, each loaded again; none of other runs.
///
/// # Errors
/// A member that is gone or another; files that are not as they were.
pub(super) fn shards(top: &Opened) -> Result<Option<String>> {
    if top.info.ensemble.is_none() || !eraser::is_graph(&top.config) {
        return Ok(None);
    }
    let mut digest = Digest::new("unlearn.shards/1");
    for (folder, _) in members_of(top)? {
        digest.field("shard", folder.open_member(&top.absent)?.data.sha256().as_bytes());
    }
    Ok(Some(digest.finish()))
}

/// What is in the way of writing an ensemble to a folder: members of another one.
fn stray(folder: &RunFolder, count: usize) -> Option<PathBuf> {
    let path = folder.member(count).path;
    path.exists().then_some(path)
}
