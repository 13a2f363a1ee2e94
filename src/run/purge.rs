//! `unlearn purge`: deletes what is only history of a run that forgot, and says what it cannot.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::audit::{self, Audit};
use super::effect::Became;
use super::evidence::{self, Parent, Residue};
use super::folder::{Opened, RunFolder, State};
use super::lineage::{self, Lineage, Place, Sort};
use super::retrains::retrains_in;
use super::verify;
use crate::base::{utc_now, write_atomic};
use crate::error::{Error, Result};

/// What a purge would delete.
pub struct Purge {
    run: Opened,
    /// Files, in the order in which they go; the folders that they leave empty go with them.
    pub files: Vec<PathBuf>,
    folders: Vec<PathBuf>,
    /// What holds something of the records and is not deleted, with the reason.
    pub kept: Vec<String>,
    /// Runs whose exports the one that stays remembers.
    exports: Vec<RunFolder>,
}

/// `purged.json` of the run: what was deleted, and when.
#[derive(Debug, Serialize)]
pub struct Purged {
    /// `unlearn.purged/1`
    pub schema: &'static str,
    /// In UTC.
    pub made_at: String,
    /// SHA-256 of the `run.json` whose history it was.
    pub run_sha256: String,
    /// Path and SHA-256 of each file before it was deleted.
    pub deleted: Vec<(PathBuf, String)>,
    /// What holds something of the records and was not deleted, with the reason.
    pub kept: Vec<String>,
}

/// Files that a run folder has of its own; nothing else in it is ever touched.
fn own_files(folder: &RunFolder) -> Vec<PathBuf> {
    // run.json last: a purge that is stopped half way still says what the folder was.
    let traced = folder.trace_files().into_iter().filter(|path| *path != folder.trace());
    let kept = folder.kept_steps().into_iter().map(|step| folder.kept_at(step));
    let held = [folder.model(), folder.checkpoint()].into_iter().chain(traced).chain(kept).chain(folder.delta_files());
    let all = held.chain(folder.bound()).chain([
        verify::file(folder),
        Audit::beside(&folder.path),
        folder.path.join(NAME),
        folder.path.join(lineage::EXPORTS),
        folder.info(),
    ]);
    let members = members(folder);
    members.iter().flat_map(own_files).chain(all.filter(|path| path.is_file())).collect()
}

/// The members of an ensemble; none of one network.
fn members(folder: &RunFolder) -> Vec<RunFolder> {
    let count = folder.read_info().ok().and_then(|info| info.ensemble).map_or(0, |ensemble| ensemble.members.len());
    folder.members(count)
}

const NAME: &str = "purged.json";

impl Purge {
    /// Looks at everything and deletes nothing.
    ///
    /// # Errors
    /// A run that was trained, or that forgot nothing, so that its history is all there is; a parent's place that
    /// holds another run now.
    pub fn of(run: &Path) -> Result<Purge> {
        let run = RunFolder::new(run).open()?;
        let path = run.folder.path.display();
        let Some(forget) = &run.info.forget else {
            return Err(Error::input(format!("{path} was trained and has no history; give a run that `forget` wrote")));
        };
        if !matches!(forget.effect.result, Became::Changed | Became::Accepted) {
            return Err(Error::input(format!(
                "{path} is {}, which is no forgetting ({}); its history stays",
                forget.effect.as_str(),
                forget.effect.reason.as_deref().unwrap_or("no reason is known")
            )));
        }
        let stays = |residue: &&Residue| !residue.purge && (run.absent.is_empty() || residue.what != "data");
        let mut kept: Vec<String> = forget.residue.iter().filter(stays).map(Residue::to_string).collect();
        kept.extend(run.lost());
        kept.push("copies elsewhere, such as backups and what was published: this program knows of none".into());
        let (mut files, mut folders) = (Vec::new(), Vec::new());
        if run.folder.checkpoint().exists() {
            files.push(run.folder.checkpoint());
        }
        let mut exports = Vec::new();
        for parent in &run.info.evidence.parents {
            let folder = RunFolder::new(&parent.path);
            if !is_there(&folder, parent)? {
                kept.push(format!("parent run {}: it is not there; was it moved?", parent.path.display()));
                continue;
            }
            exports.push(folder.clone());
            for reference in retrains_in(&folder) {
                files.extend(own_files(&reference));
                folders
                    .extend([reference.path.clone(), reference.path.parent().map(Path::to_owned).unwrap_or_default()]);
            }
            let (audited, audits) = audit::files(&folder);
            files.extend(audited);
            folders.extend(audits);
            files.extend(own_files(&folder));
            let own = members(&folder);
            folders.extend(own.iter().flat_map(|member| [member.kept(), member.path.clone()]));
            folders.extend([folder.references(), folder.kept(), folder.path.join("members"), folder.path.clone()]);
        }
        let data: Vec<PathBuf> = run.config.data.files().map(Path::to_owned).chain(run.config.init.clone()).collect();
        let same = |a: &Path, b: &Path| {
            a == b || fs::canonicalize(a).ok().is_some_and(|a| fs::canonicalize(b).ok() == Some(a))
        };
        // What lies deeper goes first; a folder of several retrains is named once.
        folders.sort_by_key(|folder| (std::cmp::Reverse(folder.components().count()), folder.clone()));
        folders.dedup();
        files.retain(|file| !data.iter().any(|data| same(data, file)));
        for export in exports.iter().map(lineage::read_exports).collect::<Result<Vec<_>>>()?.concat() {
            kept.push(format!(
                "export {}: weights of a run before this one, and whoever has copies of it",
                export.path.display()
            ));
        }
        Ok(Purge { run, files, folders, kept, exports })
    }

    /// As [`Purge::of`], with every other run that came from the run's history and not from the run itself: attempts
    /// that were rolled back, forgettings by other methods. Those in `keep` stay, with what they came from.
    ///
    /// # Errors
    /// As [`Purge::of`]; a run to be kept that came from the history.
    pub fn all(run: &Path, keep: &[PathBuf]) -> Result<Purge> {
        let (mut purge, lineage) = (Purge::of(run)?, Lineage::of(run)?);
        let real = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let own = lineage.copies.iter().position(|copy| copy.path == lineage.run);
        let came_from_own = |at: usize| {
            let mut up = Some(at);
            while let Some(here) = up.filter(|here| Some(*here) != own) {
                up = lineage.copies[here].from;
            }
            up.is_some()
        };
        let kept: Vec<PathBuf> = keep.iter().map(|path| real(path)).collect();
        for (at, copy) in lineage.copies.iter().enumerate().filter(|(_, copy)| copy.sort == Sort::Run) {
            let (folder, is_kept) = (RunFolder::new(&copy.path), kept.contains(&real(&copy.path)));
            let is_history = purge.folders.contains(&copy.path);
            if is_kept && is_history {
                return Err(Error::input(format!(
                    "--keep {}: {} came from it, and it still has the records; leave one of them out",
                    copy.path.display(),
                    run.display()
                )));
            }
            if is_kept || is_history || came_from_own(at) || copy.place == Place::Gone {
                continue;
            }
            let own = members(&folder);
            purge.files.extend(own_files(&folder));
            purge.folders.extend(own.iter().flat_map(|member| [member.kept(), member.path.clone()]));
            purge.folders.extend([folder.kept(), folder.path.join("members"), folder.path.clone()]);
            purge.exports.push(folder);
        }
        purge.folders.sort_by_key(|folder| (std::cmp::Reverse(folder.components().count()), folder.clone()));
        purge.folders.dedup();
        Ok(purge)
    }

    /// Bytes of all files that it would delete.
    pub fn bytes(&self) -> u64 {
        self.files.iter().filter_map(|path| fs::metadata(path).ok()).map(|meta| meta.len()).sum()
    }

    /// Whether an approximate result was never judged, and cannot be once its original is gone.
    pub fn is_unverified(&self) -> bool {
        let approximate = self.run.info.forget.as_ref().is_some_and(|forget| !forget.tier.is_exact());
        approximate && !verify::file(&self.run.folder).exists()
    }

    /// Deletes, and writes `purged.json` beside the run.
    ///
    /// # Errors
    /// `Io` for a file that cannot be deleted; those before it are gone.
    pub fn carry_out(self) -> Result<Purged> {
        let mut deleted = Vec::new();
        // What is deleted first is not known any more where this is stopped.
        for folder in &self.exports {
            lineage::carry(folder, &self.run.folder)?;
        }
        for path in &self.files {
            let hash = evidence::hash_of(path)?;
            fs::remove_file(path).map_err(Error::io("remove", path))?;
            deleted.push((path.clone(), hash));
        }
        let mut kept = self.kept;
        for folder in &self.folders {
            // Not empty: whatever is in it is not ours.
            if fs::remove_dir(folder).is_err() && folder.exists() {
                kept.push(format!("folder {}: it holds files that no run wrote", folder.display()));
            }
        }
        let schema = "unlearn.purged/1";
        let purged = Purged { schema, made_at: utc_now(), run_sha256: self.run.run_sha256.clone(), deleted, kept };
        write_atomic(&self.run.folder.path.join(NAME), evidence::json(&purged, NAME)?.as_bytes())?;
        Ok(purged)
    }
}

/// Whether the parent is where it was.
///
/// # Errors
/// Another run is.
fn is_there(folder: &RunFolder, parent: &Parent) -> Result<bool> {
    if folder.state() != State::Finished {
        return Ok(false);
    }
    let now = evidence::hash_of(&folder.info())?;
    match now == parent.run_sha256 {
        true => Ok(true),
        false => Err(Error::input(format!(
            "{} holds another run now (run.json {now}; the parent's was {}), which is not deleted; bring the parent \
                back, or move this one away",
            parent.path.display(),
            parent.run_sha256
        ))),
    }
}
