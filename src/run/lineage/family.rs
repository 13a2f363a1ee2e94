//! The runs that belong together: up by what each says of its parents, down by whoever names one of them as a parent.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::held::Forgotten;
use super::{Copy, EXPORTS, Lineage, Place, SCHEMA, Sort, Trace, exports};
use crate::base::folder_of;
use crate::error::Result;
use crate::run::config::Loaded;
use crate::run::evidence::{self, Parent};
use crate::run::folder::{RunFolder, State};
use crate::run::info::{Origin, RunInfo};
use crate::run::{audit, retrains};

/// A run that was found.
struct Member {
    folder: RunFolder,
    run_sha256: String,
    info: RunInfo,
    reference: bool,
}

pub(super) fn of(run: &RunFolder) -> Result<Lineage> {
    let run = RunFolder { path: absolute(&run.path) };
    let info = run.read_info()?;
    let forgotten = Forgotten::of(&run)?;
    let mut family = Family { forgotten, asked: run.path.clone(), copies: Vec::new(), places: BTreeMap::new() };
    let ancestors: Vec<Parent> = info.evidence.parents.iter().rev().cloned().collect();
    let known: HashSet<String> = ancestors.iter().map(|parent| parent.run_sha256.clone()).collect();
    let own = evidence::hash_of(&run.info())?;
    let mut before = None;
    for parent in &ancestors {
        before = Some(family.ancestor(parent, before)?);
    }
    family.member(&Member { folder: run.clone(), run_sha256: own.clone(), info, reference: false }, before)?;
    let mut others = descendants(&run, &ancestors, &known, &own);
    // What came from one of the others is added once that one is there.
    while !others.is_empty() {
        let ready = |member: &Member| member.info.evidence.parents.first().map(|parent| parent.run_sha256.clone());
        let next = others.iter().position(|member| ready(member).is_some_and(|hash| family.places.contains_key(&hash)));
        let member = others.remove(next.unwrap_or(0));
        let from = ready(&member).and_then(|hash| family.places.get(&hash).copied());
        family.member(&member, from)?;
    }
    let Family { forgotten, copies, .. } = family;
    let (schema, version) = (SCHEMA, env!("CARGO_PKG_VERSION"));
    Ok(Lineage { schema, version, run: run.path, forgot: forgotten.count(), copies })
}

/// Runs that came from this one or from one that it came from, besides those that it came from.
fn descendants(run: &RunFolder, ancestors: &[Parent], known: &HashSet<String>, own: &str) -> Vec<Member> {
    let mut found: BTreeMap<PathBuf, Member> = BTreeMap::new();
    let mut look = |path: PathBuf, reference: bool| {
        let folder = RunFolder { path: absolute(&path) };
        if folder.state() != State::Finished || found.contains_key(&folder.path) {
            return;
        }
        // What cannot be read is no run that could be told to belong here.
        let (Ok(info), Ok(run_sha256)) = (folder.read_info(), evidence::hash_of(&folder.info())) else { return };
        let came = info.evidence.parents.iter().any(|p| known.contains(&p.run_sha256) || p.run_sha256 == own);
        if came && !known.contains(&run_sha256) && run_sha256 != own {
            found.insert(folder.path.clone(), Member { folder, run_sha256, info, reference });
        }
    };
    let places: Vec<PathBuf> =
        std::iter::once(run.path.clone()).chain(ancestors.iter().map(|p| p.path.clone())).collect();
    for place in &places {
        inside(folder_of(place)).into_iter().for_each(|path| look(path, false));
        for reference in retrains::retrains_in(&RunFolder::new(place)) {
            look(reference.path, true);
        }
    }
    found.into_values().collect()
}

struct Family {
    forgotten: Forgotten,
    asked: PathBuf,
    copies: Vec<Copy>,
    /// Hash of a `run.json` → place among the copies.
    places: BTreeMap<String, usize>,
}

impl Family {
    /// A run that the asked one came from; where it is gone, what is known of it.
    fn ancestor(&mut self, parent: &Parent, from: Option<usize>) -> Result<usize> {
        let folder = RunFolder { path: absolute(&parent.path) };
        let now = match folder.state() {
            State::Finished => Some(evidence::hash_of(&folder.info())?),
            _ => None,
        };
        if now.as_deref() == Some(parent.run_sha256.as_str()) {
            let info = folder.read_info()?;
            let member = Member { folder, run_sha256: parent.run_sha256.clone(), info, reference: false };
            return self.member(&member, from);
        }
        let place = if now.is_some() { Place::Changed } else { Place::Gone };
        let says = match place {
            Place::Changed => "another run lies where it was",
            _ => "it is not where it was: deleted, or moved",
        };
        let at = self.copies.len();
        self.copies.push(Copy {
            sha256: Some(parent.model_sha256.clone()),
            ..self.copy(Sort::Run, "run", &folder.path, (from, place), (Trace::Holds, says.into()))
        });
        self.places.insert(parent.run_sha256.clone(), at);
        Ok(at)
    }

    fn member(&mut self, member: &Member, from: Option<usize>) -> Result<usize> {
        let Member { folder, run_sha256, info, reference } = member;
        let (trace, says) = self.forgotten.in_run(folder, info)?;
        let whole = folder.check(info).is_ok();
        let what = match (reference, &info.forget, info.origin, &info.ensemble) {
            (true, ..) => "retrain".to_owned(),
            (_, Some(_), _, None) => "forgot".to_owned(),
            (_, None, Origin::Imported, _) => "imported".to_owned(),
            (_, None, _, None) => "trained".to_owned(),
            (_, forget, _, Some(ensemble)) => {
                let word = if forget.is_some() { "forgot" } else { "trained" };
                format!("{word}, {} networks,", ensemble.members.len())
            }
        };
        let place = if whole { Place::There } else { Place::Changed };
        let sort = if *reference { Sort::Reference } else { Sort::Run };
        let at = self.copies.len();
        let own = folder.path == self.asked;
        self.copies.push(Copy {
            sha256: Some(info.model_sha256.clone()),
            method: info.forget.as_ref().map(|forget| forget.method.clone()),
            tier: info.forget.as_ref().map(|forget| forget.tier),
            made_at: Some(info.evidence.made_at.clone()),
            history: !own,
            ..self.copy(sort, &what, &folder.path, (from, place), (trace, says))
        });
        self.places.insert(run_sha256.clone(), at);
        self.leaves(folder, info, (at, trace))?;
        Ok(at)
    }

    /// What lies in a run's folder, or was made of it.
    fn leaves(&mut self, folder: &RunFolder, info: &RunInfo, (at, of_run): (usize, Trace)) -> Result<()> {
        let trained = info.forget.is_none();
        // Checkpoints of an exact forgetting were taken over or written on what is retained.
        let trace = self.forgotten.beside(of_run);
        let mut leaf = |sort, what: &str, path: &Path, trace, says: &str| {
            let copy = self.copy(sort, what, path, (Some(at), Place::There), (trace, says.to_owned()));
            self.copies.push(copy);
        };
        if folder.checkpoint().exists() {
            leaf(Sort::Checkpoint, "checkpoint", &folder.checkpoint(), trace, "weights and optimiser state");
        }
        if folder.kept().exists() {
            leaf(
                Sort::Checkpoint,
                "kept checkpoints",
                &folder.kept(),
                trace,
                "weights and optimiser state of its training",
            );
        }
        if folder.trace().exists() {
            leaf(Sort::Checkpoint, "trace", &folder.trace(), trace, "iterates of its training with their batches");
        }
        if !audit::files(folder).0.is_empty() {
            let held = if trained { self.forgotten.beside(Trace::Holds) } else { trace };
            let says = "what models of an audit said of records";
            let copy = self.copy(
                Sort::Audit,
                "audit",
                &folder.path.join("audit"),
                (Some(at), Place::There),
                (held, says.into()),
            );
            self.copies.push(copy);
        }
        self.exported(folder, info, (at, trace))?;
        if trained && let Ok(loaded) = Loaded::read(&folder.config(), &[], None) {
            self.sources(&loaded, info, at);
        }
        Ok(())
    }

    /// Files that its weights went to.
    fn exported(&mut self, folder: &RunFolder, info: &RunInfo, (at, trace): (usize, Trace)) -> Result<()> {
        for export in exports::read(folder)? {
            let own = export.model_sha256 == info.model_sha256;
            let place = match evidence::hash_of(&export.path) {
                Ok(now) if now == export.sha256 => Place::There,
                Ok(_) => Place::Changed,
                Err(_) => Place::Gone,
            };
            let (trace, says) = match own {
                true => (trace, format!("its weights, written {}; who has copies of it is not known", export.made_at)),
                false => (
                    self.forgotten.beside(Trace::Holds),
                    format!("weights of a run before it, written {}; who has copies is not known", export.made_at),
                ),
            };
            let what = format!("export ({})", export.format);
            self.copies.push(Copy {
                sha256: Some(export.sha256),
                made_at: Some(export.made_at),
                history: false,
                ..self.copy(Sort::Export, &what, &export.path, (Some(at), place), (trace, says))
            });
        }
        Ok(())
    }

    /// Files of records, and weights that training began with.
    fn sources(&mut self, loaded: &Loaded, info: &RunInfo, at: usize) {
        let there = |path: &Path| if path.exists() { Place::There } else { Place::Gone };
        let trace = self.forgotten.beside(Trace::Holds);
        for path in loaded.config.data.files() {
            let says = "the records themselves, unless they have left it";
            let copy = self.copy(Sort::Source, "data", path, (Some(at), there(path)), (trace, says.into()));
            self.copies.push(Copy { history: false, ..copy });
        }
        if let Some(base) = &loaded.config.init {
            let says = "weights that training began with; whether they saw the records is not known";
            let copy =
                self.copy(Sort::Source, "base model", base, (Some(at), there(base)), (Trace::Unknown, says.into()));
            self.copies.push(Copy { sha256: info.evidence.base_sha256.clone(), history: false, ..copy });
        }
    }

    fn copy(
        &self,
        sort: Sort,
        what: &str,
        path: &Path,
        (from, place): (Option<usize>, Place),
        (trace, says): (Trace, String),
    ) -> Copy {
        let own = path.parent() == Some(&self.asked) && sort != Sort::Export;
        let bytes = (place != Place::Gone && sort != Sort::Source).then(|| size(path));
        Copy {
            sort,
            what: what.to_owned(),
            path: path.to_owned(),
            from,
            place,
            trace,
            says,
            sha256: None,
            method: None,
            tier: None,
            made_at: None,
            history: !own,
            bytes,
        }
    }
}

/// Bytes of a file, or of all files in a folder and its folders; links are not followed.
fn size(path: &Path) -> u64 {
    match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_dir() => inside(path).iter().map(|inner| size(inner)).sum(),
        Ok(meta) if meta.is_file() => meta.len(),
        _ => 0,
    }
}

fn inside(path: &Path) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    all.retain(|path| path.file_name().is_some_and(|name| name != EXPORTS));
    all.sort();
    all
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
