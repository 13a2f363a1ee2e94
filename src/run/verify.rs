//! `unlearn verify`: the verdict on a run that forgot, kept beside it.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::evaluate::EvalJob;
use super::evidence::{self, Parent};
use super::folder::{Opened, RunFolder};
use super::retrains;
use crate::base::{utc_now, write_atomic};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::eval::{Aspect, Check, Verdict};

/// Name and version of `verdict.json`.
pub const SCHEMA: &str = "unlearn.verdict/1";

/// `verdict.json` of a run folder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stored {
    /// [`SCHEMA`].
    pub schema: String,
    /// Version of the program.
    pub version: String,
    /// When, in UTC.
    pub made_at: String,
    /// SHA-256 of the `run.json` that was judged.
    pub run_sha256: String,
    /// SHA-256 of its weights.
    pub model_sha256: String,
    /// The run before forgetting: the control that must fail.
    pub original: Parent,
    /// The retrains that it was measured against.
    pub references: Vec<Parent>,
    /// What the run's source had lost, in a sentence; absent where it was as it had been.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub source: Option<String>,
    /// What it came to.
    pub verdict: Verdict,
    /// SHA-256 of this document with nothing in the place of this hash.
    pub verdict_sha256: String,
}

/// A run to be judged.
pub struct VerifyJob<'a> {
    /// Its folder.
    pub run: &'a Path,
    /// Retrains besides those that `unlearn references` made.
    pub references: &'a [PathBuf],
    /// The run before forgetting, where it is not where it was.
    pub original: Option<&'a Path>,
}

impl VerifyJob<'_> {
    /// Measures, judges and writes `verdict.json`. One that was made before the source lost the forgotten records
    /// stands.
    ///
    /// # Errors
    /// A run that was trained; fewer than two retrains ([`Error::Inconclusive`]); what `unlearn eval` refuses.
    pub fn verify(&self, engine: &mut dyn FnMut() -> Result<Engine>) -> Result<Stored> {
        let run = RunFolder::new(self.run).open()?;
        let path = self.run.display();
        if run.info.forget.is_none() {
            return Err(Error::input(format!("{path} was trained and forgot nothing; give a run that `forget` wrote")));
        }
        if let Some(stands) = standing(&run)? {
            return Ok(stands);
        }
        let original = match self.original {
            Some(original) => original.to_owned(),
            None => retrains::root(&run)?,
        };
        let own = run.model_sha256().to_owned();
        let mut references = self.references.to_vec();
        for made in if self.original.is_none() { retrains::found(&run)? } else { Vec::new() } {
            // A run by `retrain` may have the seed of a reference; that one says nothing of it.
            if RunFolder::new(&made).read_info()?.model_sha256 != own {
                references.push(made);
            }
        }
        if references.len() < 2 {
            return Err(Error::Inconclusive(format!(
                "{path} has {} retrains to be measured against, and a verdict takes at least four; make them with \
                    `unlearn references {path} --seeds 5`",
                references.len()
            )));
        }
        let inputs =
            EvalJob { run: self.run, references: &references, original: Some(&original), request: None }.read()?;
        let verdict = inputs.measure(&mut engine()?)?.verdict.ok_or_else(|| Error::internal("there is no verdict"))?;
        let parent = |path: &PathBuf| parent(path);
        let stored = Stored {
            schema: SCHEMA.into(),
            version: env!("CARGO_PKG_VERSION").into(),
            made_at: utc_now(),
            run_sha256: run.run_sha256.clone(),
            model_sha256: own,
            original: parent(&original)?,
            references: references.iter().map(parent).collect::<Result<_>>()?,
            source: run.lost(),
            verdict,
            verdict_sha256: String::new(),
        };
        let text = evidence::seal(evidence::json(&stored, NAME)?, KEY);
        write_atomic(&file(&run.folder), text.as_bytes())?;
        serde_json::from_str(&text).map_err(|e| Error::internal(format!("{NAME}: {e}")))
    }
}

const NAME: &str = "verdict.json";
const KEY: &str = "verdict_sha256";

/// Where a run's verdict is.
pub fn file(folder: &RunFolder) -> PathBuf {
    folder.path.join(NAME)
}

fn parent(path: &Path) -> Result<Parent> {
    let folder = RunFolder::new(path);
    Ok(Parent {
        path: std::path::absolute(path).unwrap_or_else(|_| path.to_owned()),
        run_sha256: evidence::hash_of(&folder.info())?,
        model_sha256: folder.read_info()?.model_sha256,
    })
}

/// The verdict of a run that was judged before its source lost the forgotten records, of which nothing can be measured
/// any more: it stands.
fn standing(run: &Opened) -> Result<Option<Stored>> {
    let then = run.info.evidence.retained.as_ref().map_or(0, |retained| retained.lines);
    if run.absent.lines <= then {
        return Ok(None);
    }
    let forgetting = |check: &Check| check.aspect == Aspect::Forgetting && check.value.is_some();
    let judged = stored(run)?.filter(|stored| stored.verdict.checks.iter().any(forgetting));
    let lost = run.lost().unwrap_or_default();
    let source =
        |stored: &Stored| format!("{lost}; this verdict is of {}, when it had them, and stands", stored.made_at);
    Ok(judged.map(|stored| Stored { source: Some(source(&stored)), ..stored }))
}

/// The verdict beside a run; none where it was not judged.
///
/// # Errors
/// One that was changed, or that judged another run.
pub fn stored(run: &Opened) -> Result<Option<Stored>> {
    let path = file(&run.folder);
    if !path.exists() {
        return Ok(None);
    }
    let bytes = fs::read(&path).map_err(Error::io("read", &path))?;
    let stored: Stored = evidence::unseal(&path, &bytes, SCHEMA, KEY)?;
    let fail = |what: String| Error::input(format!("{}: {what}", path.display()));
    match stored.run_sha256 == run.run_sha256 {
        true => Ok(Some(stored)),
        false => Err(fail(format!(
            "it judged a run with run.json {}, and the one beside it has {}; remove it and run `unlearn verify` again",
            stored.run_sha256, run.run_sha256
        ))),
    }
}
