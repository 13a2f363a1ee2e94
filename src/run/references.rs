//! References are references: what a run may be measured against, and why anything else is refused.

use std::path::Path;

use super::folder::Opened;
use super::results::RequestSummary;
use super::target::Target;
use crate::data::{Request, request_lines};
use crate::error::{Error, Result};
use crate::methods::{self, Role};

/// Whom the request of a run takes from its data, all requests since the training together, as a hash: of the records
/// and not of the words that name them. None for a run that was trained.
///
/// # Errors
/// A request that does not fit the data.
pub(super) fn request_of(run: &Opened) -> Result<Option<String>> {
    let target = target_of(run)?;
    Ok(target.map(|target| RequestSummary::of(&[], &target).hash))
}

/// What a run's own requests mean: as it was found when the run was made, since the source may have lost the records.
///
/// # Errors
/// A request that does not fit the data.
pub(super) fn target_of(run: &Opened) -> Result<Option<Target>> {
    match &run.requests {
        Some(_) if run.info.evidence.retained.is_some() => Ok(Some(Target::known(&run.forgotten, &run.data))),
        Some(requests) => Target::of(requests, &run.data, &run.model, run.config.seed).map(Some),
        None => Ok(None),
    }
}

/// What requests that were given for a run mean; its own are known to it.
///
/// # Errors
/// A request that does not fit the data.
pub(super) fn target_for(run: &Opened, requests: &[Request]) -> Result<Target> {
    let own = run.requests.as_deref().map(request_lines).transpose()?;
    match target_of(run)? {
        Some(target) if own == Some(request_lines(requests)?) => Ok(target),
        _ => Target::of(requests, &run.data, &run.model, run.config.seed),
    }
}

/// The same of any request on a run's data.
pub(super) fn request_hash(run: &Opened, requests: &[Request]) -> Result<String> {
    Ok(RequestSummary::of(requests, &target_for(run, requests)?).hash)
}

/// Whether the run is a retrain.
pub(super) fn is_retrain(run: &Opened) -> bool {
    run.info.forget.as_ref().is_some_and(|forget| methods::role(&forget.method) == Some(Role::Reference))
}

/// Why `reference` is no yardstick for what `run` is measured on, if it is not: it must be a retrain, of the same data,
/// recipe and request.
///
/// # Errors
/// A request that does not fit the data.
pub(super) fn unfit(run: &Opened, request: Option<&str>, reference: &Opened) -> Result<Option<String>> {
    let (run_is, reference_is) = (&run.info, &reference.info);
    let Some(forget) = reference_is.forget.as_ref() else {
        return Ok(Some("it was trained on all records, the forgotten ones too".into()));
    };
    if !is_retrain(reference) {
        return Ok(Some(format!("it was made by `{}`, and only `retrain` gives a reference", forget.method)));
    }
    let (ours, theirs) = (&run_is.evidence.data_sha256, &reference_is.evidence.data_sha256);
    if ours != theirs {
        return Ok(Some(format!("it was made from other data (hash {theirs}, the run's {ours})")));
    }
    let (ours, theirs) = (&run_is.config_sha256, &reference_is.config_sha256);
    if ours != theirs {
        let differs = first_difference(run, reference);
        return Ok(Some(format!("it was trained by another recipe{differs} (hash {theirs}, the run's {ours})")));
    }
    let [ours, theirs] = [run_is, reference_is].map(|info| info.adapter.precision);
    if ours != theirs {
        let (theirs, ours) = (theirs.word(), ours.word());
        return Ok(Some(format!("it was trained with --precision {theirs}, the run with {ours}")));
    }
    let theirs = request_of(reference)?;
    if theirs.as_deref() != request {
        let (theirs, ours) = (theirs.unwrap_or_default(), request.unwrap_or("none"));
        return Ok(Some(format!("it forgot another request (records {theirs}, the run's {ours})")));
    }
    Ok(None)
}

/// The first line in which two configurations differ.
fn first_difference(run: &Opened, reference: &Opened) -> String {
    let text = |run: &Opened| run.config.to_toml().unwrap_or_default();
    let (ours, theirs) = (text(run), text(reference));
    let differs = ours.lines().zip(theirs.lines()).find(|(a, b)| a != b);
    differs.map_or(String::new(), |(a, b)| format!(", `{b}` in place of `{a}`"))
}

/// Refuses references that are none, and an original that the run did not come from.
///
/// # Errors
/// [`Error::Input`] naming the folder and the reason.
pub(super) fn check(
    run: &Opened,
    request: Option<&str>,
    references: &[Opened],
    original: Option<&Opened>,
) -> Result<()> {
    let path = run.folder.path.display();
    let own = request_of(run)?;
    if own.is_some() && own.as_deref() != request && !references.is_empty() {
        return Err(Error::input(format!(
            "--request names other records than {path} forgot, so no reference fits both; leave --request out"
        )));
    }
    if let Some(original) = original {
        check_original(run, original)?;
    }
    let mut taken: Vec<(&str, &Path, &str)> = vec![(run.model_sha256(), &run.folder.path, "the run itself")];
    taken.extend(original.map(|o| (o.model_sha256(), o.folder.path.as_path(), "the original")));
    for reference in references {
        let fail = |why: String| {
            let folder = reference.folder.path.display();
            Error::input(format!("--reference {folder} is no reference for {path}: {why}"))
        };
        if let Some((hash, other, what)) = taken.iter().find(|(hash, ..)| *hash == reference.model_sha256()) {
            let other = other.display();
            let same = format!("it has the same weights as {what} ({other}, hash {hash})");
            return Err(fail(format!("{same}; a reference is a retrain with another seed")));
        }
        if let Some(why) = unfit(run, request, reference)? {
            return Err(fail(why));
        }
        taken.push((reference.model_sha256(), &reference.folder.path, "another reference"));
    }
    Ok(())
}

/// The original is the run that this one came from, or one further back.
fn check_original(run: &Opened, original: &Opened) -> Result<()> {
    let (path, folder) = (run.folder.path.display(), original.folder.path.display());
    let parents = &run.info.evidence.parents;
    if parents.iter().any(|p| p.run_sha256 == original.run_sha256 && p.model_sha256 == original.info.model_sha256) {
        return Ok(());
    }
    let came = match parents.first() {
        None => "it was trained, and came from no run".to_owned(),
        Some(parent) => format!("it came from {} (run.json {})", parent.path.display(), parent.run_sha256),
    };
    Err(Error::input(format!(
        "--original {folder} (run.json {}) is not what {path} was made from: {came}",
        original.run_sha256
    )))
}
