//! `unlearn audit`: can a run that forgot be told from a training without the records, by the strongest attacks there
//! are?
//!
//! Shadow models are trained by the run's own recipe on the retained records and on half of the forgotten ones and of
//! records that nobody trained on; retrains on the retained ones alone. Both are fits of [`crate::train`], on a pool
//! that test records are part of: an attack is an experiment of its own, and no weights of it ever reach a run.

mod answers;
mod attack;
mod back;
mod brought;
mod document;
mod features;
mod many;
mod measure;
mod models;
mod neighbours;
mod planted;
mod pool;
mod quantised;
mod relearn;
mod roster;
mod store;
mod texts;
mod unlearned;
mod weights;

use std::fs;
use std::path::{Path, PathBuf};

pub use document::{AttackRow, Audit, Counts, Models, SCHEMA};
pub(in crate::run) use store::files;
pub use unlearned::Divergences;
pub use weights::Weights;

use super::evidence::{self, Parent};
use super::folder::{Opened, RunFolder};
use super::info::{ForgetInfo, Origin};
use super::results::{AdapterSummary, RequestSummary};
use super::target::Target;
use super::{references, retrains};
use crate::base::{Digest, utc_now, write_atomic};
use crate::data::TargetKind;
use crate::engine::Engine;
use crate::error::{Error, Result};
use measure::Measured;
use models::Trained;
use roster::Roster;

/// What `unlearn audit` is asked for.
pub struct AuditJob<'a> {
    /// The folder of the run that forgot.
    pub run: &'a Path,
    /// The run before forgetting, where it is not where it was.
    pub original: Option<&'a Path>,
    /// Retrains besides those that `unlearn references` made.
    pub references: &'a [PathBuf],
    /// How much is trained.
    pub options: Options,
}

/// How much an audit trains, and how sure it is to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// Shadow models; an even number.
    pub shadows: usize,
    /// Retrains, the last of them held out as a control.
    pub retrains: usize,
    /// Models that are trained on all records and made to forget by the run's method.
    pub unlearned: usize,
    /// Chance of a retrain to fail any check.
    pub alpha: f64,
    /// Of every draw; the run's own if absent.
    pub seed: Option<u64>,
}

impl Default for Options {
    fn default() -> Options {
        Options { shadows: 64, retrains: 20, unlearned: 8, alpha: 0.01, seed: None }
    }
}

/// The runs of an audit, read and found to be comparable.
pub(super) struct Subjects {
    pub run: Opened,
    pub original: Opened,
    pub references: Vec<Opened>,
    pub target: Target,
    pub forget: ForgetInfo,
}

impl AuditJob<'_> {
    /// Trains what is not there, attacks and judges; `said` hears what is done.
    ///
    /// # Errors
    /// A run that was trained, or without what an attack needs ([`Error::Unsupported`], [`Error::Inconclusive`]);
    /// what `unlearn eval` refuses; a lost device.
    pub fn audit(&self, engine: &mut dyn FnMut() -> Result<Engine>, said: &mut dyn FnMut(&str)) -> Result<Audit> {
        let subjects = self.read()?;
        let seed = self.options.seed.unwrap_or(subjects.original.config.seed);
        if subjects.original.data.target_kind() == TargetKind::Text {
            let mut engine = engine()?;
            let (measured, records) = texts::measured(&mut engine, &subjects, said)?;
            let models = Models::none(subjects.original.folder.path.clone());
            return self.document(&engine, &subjects, (records, models), measured, seed);
        }
        let roster = Roster::of(&subjects.original.data, &subjects.target, seed)?;
        let mut engine = engine()?;
        let key = subjects.key(&engine, seed, &roster);
        let trained = Trained::bring(&mut engine, &subjects, &roster, &self.options, (key, seed), said)?;
        let measured = Measured::of(&mut engine, &subjects, &roster, &trained, said)?;
        let records = Counts {
            forgotten: roster.forget().len(),
            held_out: roster.held().len(),
            population: roster.population(),
            vulnerable: measured.vulnerable,
        };
        let models = Models {
            shadows: trained.shadows.len(),
            retrains: trained.retrains.len(),
            unlearned: trained.unlearned.as_ref().map_or(0, |all| all.count()),
            cached: trained.cached,
            spreads: measured.spreads,
            one_by_one: trained.one_by_one.clone(),
            folder: trained.folder.clone(),
        };
        self.document(&engine, &subjects, (records, models), measured, seed)
    }

    fn read(&self) -> Result<Subjects> {
        let run = RunFolder::new(self.run).open()?;
        let path = self.run.display();
        let Some(forget) = run.info.forget.clone() else {
            return Err(Error::input(format!("{path} was trained and forgot nothing; give a run that `forget` wrote")));
        };
        run.one_network()?;
        if let Some(lost) = run.lost() {
            return Err(Error::Inconclusive(format!(
                "{path}: {lost}, so that no attack can ask about them any more; audit a run before the records leave"
            )));
        }
        let root = self.original.map_or_else(|| retrains::root(&run), |given| Ok(given.to_owned()))?;
        let original = RunFolder::new(&root).open_beside(&run)?;
        original.one_network()?;
        if original.info.forget.is_some() {
            let root = root.display();
            return Err(Error::input(format!(
                "--original {root} forgot something itself; give the run that was trained"
            )));
        }
        if original.config.no_recipe || original.info.origin == Origin::Imported {
            return Err(Error::Unsupported(format!(
                "{} was imported, and shadow models take the recipe that it was trained by",
                root.display()
            )));
        }
        let mut given = self.references.to_vec();
        for found in if self.original.is_none() { retrains::found(&run)? } else { Vec::new() } {
            // A run by `retrain` may be one of them.
            if RunFolder::new(&found).read_info()?.model_sha256 != run.info.model_sha256 {
                given.push(found);
            }
        }
        let references = given.iter().map(|path| RunFolder::new(path).open_beside(&run)).collect::<Result<Vec<_>>>()?;
        let target = references::target_of(&run)?.ok_or_else(|| Error::internal("a request vanished"))?;
        references::check(&run, references::request_of(&run)?.as_deref(), &references, Some(&original))?;
        Ok(Subjects { run, original, references, target, forget })
    }

    fn document(
        &self,
        engine: &Engine,
        subjects: &Subjects,
        (records, models): (Counts, Models),
        measured: Measured,
        seed: u64,
    ) -> Result<Audit> {
        let Measured { rows, probes, quality, klom, weights, not_measured, .. } = measured;
        let alpha = self.options.alpha;
        let mut made = Audit {
            schema: SCHEMA.into(),
            version: env!("CARGO_PKG_VERSION").into(),
            made_at: utc_now(),
            adapter: AdapterSummary::of(engine),
            run: parent(&subjects.run),
            method: subjects.forget.method.clone(),
            original: parent(&subjects.original),
            references: subjects.references.iter().map(parent).collect(),
            request: RequestSummary::of(subjects.run.requests.as_deref().unwrap_or_default(), &subjects.target),
            seed,
            alpha,
            records,
            models,
            attacks: rows,
            calibration: crate::eval::attacks::calibration(&probes, alpha),
            forgetting_quality: quality,
            klom,
            weights,
            not_measured,
            verdict: crate::eval::attacks::judge(&probes, alpha),
            audit_sha256: String::new(),
        };
        let text = made.text()?;
        made = serde_json::from_str(&text).map_err(|e| Error::internal(format!("{NAME}: {e}")))?;
        Ok(made)
    }
}

/// The file beside a run.
pub const NAME: &str = "audit.json";
const KEY: &str = "audit_sha256";

impl Audit {
    fn text(&self) -> Result<String> {
        Ok(evidence::seal(evidence::json(&Audit { audit_sha256: String::new(), ..self.clone() }, NAME)?, KEY))
    }

    /// Writes the document.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        write_atomic(path, self.text()?.as_bytes())
    }

    /// The document beside a run; none where it was not audited.
    ///
    /// # Errors
    /// A file that is not such a document, or was changed since.
    pub fn left(run: &Path) -> Result<Option<Audit>> {
        let path = Audit::beside(run);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(Error::io("read", &path)(e)),
        };
        let audit: Audit = serde_json::from_str(&text)
            .map_err(|e| Error::input(format!("{}: {e}; run `unlearn audit` again", path.display())))?;
        match audit.text()? == text {
            true => Ok(Some(audit)),
            false => Err(Error::input(format!(
                "{} is not what `unlearn audit` wrote: its hash is another; run `unlearn audit` again",
                path.display()
            ))),
        }
    }

    /// [`Audit::left`] of a run that was opened.
    ///
    /// # Errors
    /// As [`Audit::left`]; one that audited another run.
    pub fn stored(run: &Opened) -> Result<Option<Audit>> {
        match Audit::left(&run.folder.path)? {
            Some(audit) if audit.run.run_sha256 != run.run_sha256 => Err(Error::input(format!(
                "{}: it audited a run with run.json {}, and the one beside it has {}; remove it and run `unlearn \
                 audit` again",
                Audit::beside(&run.folder.path).display(),
                audit.run.run_sha256,
                run.run_sha256
            ))),
            other => Ok(other),
        }
    }

    /// Where the document of a run lies.
    pub fn beside(run: &Path) -> PathBuf {
        run.join(NAME)
    }
}

impl Subjects {
    /// Of everything that the trained models depend on, but for how many there are.
    fn key(&self, engine: &Engine, seed: u64, roster: &Roster) -> String {
        let mut digest = Digest::new("unlearn.audit-models/1");
        let numbers = |all: &[u32]| all.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
        digest.field("data", self.original.info.evidence.data_sha256.as_bytes());
        digest.field("recipe", self.original.info.config_sha256.as_bytes());
        digest.field("precision", engine.precision().word().as_bytes());
        digest.field("seed", &seed.to_le_bytes());
        digest.field("retained", &numbers(&roster.retained));
        digest.field("forgotten", &numbers(roster.forget()));
        digest.field("asked", &numbers(&roster.asked));
        if let Some(deletion) = self.target.deletion().filter(|_| !roster.leaves()) {
            let pairs = deletion.edges.iter().chain(&deletion.feature_entries).flatten();
            let all = [&deletion.feature_rows, &deletion.feature_columns].into_iter().flatten().chain(pairs);
            digest.field("deletion", &numbers(&all.copied().collect::<Vec<u32>>()));
        }
        digest.finish()
    }
}

fn parent(run: &Opened) -> Parent {
    let path = &run.folder.path;
    Parent {
        path: std::path::absolute(path).unwrap_or_else(|_| path.clone()),
        run_sha256: run.run_sha256.clone(),
        model_sha256: run.info.model_sha256.clone(),
    }
}
