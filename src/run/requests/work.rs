//! A batch is done: forgotten, judged, and published or rolled back. What was killed at any moment goes on where it
//! was.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::desk::Desk;
use super::document::{self, OUTCOME, Outcome, Plan};
use super::evidence::Finished;
use super::gate::Made;
use super::how::How;
use super::inbox;
use super::project::{BATCHES, Project, request_file};
use super::rates::{self, Per, Rate};
use super::waiting::stale;
use crate::base::{sha256, utc_now, write_atomic};
use crate::data::request_lines;
use crate::error::{Error, Result};
use crate::ledger::{Standing, State};
use crate::run::ensemble::EnsembleForget;
use crate::run::evidence::{Marks, hash_of};
use crate::run::folder::RunFolder;
use crate::run::forget_run::ForgetJob;
use crate::run::hold::Hold;

/// Does a batch, or all that are ready one after another.
///
/// # Errors
/// Nothing is ready; a plan that is stale or not approved; another process at it; what stops the work and says nothing
/// of the result, after which the same call goes on.
pub fn run(project: &Project, batch: Option<&str>, how: &How, actor: &str) -> Result<Vec<Finished>> {
    match run_ready(project, batch, how, actor)? {
        all if all.is_empty() => Err(project.write(|desk| why_none(project, desk, batch))?),
        all => Ok(all),
    }
}

/// As [`run`], where it is no error that nothing is ready.
///
/// # Errors
/// As [`run`].
pub fn run_ready(project: &Project, batch: Option<&str>, how: &How, actor: &str) -> Result<Vec<Finished>> {
    let folder = project.folder.join(BATCHES);
    fs::create_dir_all(&folder).map_err(Error::io("create", &folder))?;
    let hold = Hold::take(&folder, "requests run")?;
    let ready = project.write(|desk| ready(project, desk, batch))?;
    let mut all = Vec::new();
    for (at, batch) in ready.iter().enumerate() {
        match of_batch(project, batch, how, actor) {
            Ok(outcome) => all.push(outcome),
            // The first has changed what serves: the others are planned anew.
            Err(Error::Inconclusive(why)) if at > 0 => (how.said)(&why),
            Err(e) => return Err(inbox::hush(e)),
        }
    }
    hold.settle();
    Ok(all)
}

/// The batches that may be done, in the order in which they were planned.
fn ready(project: &Project, desk: &Desk, asked: Option<&str>) -> Result<Vec<String>> {
    let mut all = Vec::new();
    for batch in desk.store.batches()? {
        if asked.is_some_and(|asked| asked != batch) {
            continue;
        }
        let states: Vec<State> = desk.of_batch(&batch)?.iter().filter_map(|one| State::of(&one.state)).collect();
        let begun = states.iter().any(|state| matches!(state, State::Running | State::Verified));
        let agreed = if project.needs_approval() { State::Approved } else { State::Planned };
        if begun || states.iter().any(|state| *state >= agreed && *state <= State::Approved) {
            all.push(batch);
        }
    }
    Ok(all)
}

/// Why no batch is ready.
fn why_none(project: &Project, desk: &Desk, asked: Option<&str>) -> Result<Error> {
    let planned = desk.store.in_state(State::Planned)?.into_iter().filter_map(|standing| standing.batch);
    let mut waiting = planned.filter(|batch| asked.is_none_or(|asked| asked == batch));
    Ok(Error::input(match (waiting.next().filter(|_| project.needs_approval()), asked) {
        (Some(batch), _) => format!("batch {batch} waits for approval; `unlearn requests approve {batch}` gives it"),
        (None, Some(asked)) => {
            format!("batch {asked} is not there or has ended; `unlearn requests list` says where requests stand")
        }
        (None, None) => "no batch is planned; `unlearn requests plan` makes one".to_owned(),
    }))
}

/// A batch at work.
pub(super) struct Job<'a> {
    pub project: &'a Project<'a>,
    pub plan: Plan,
    folder: PathBuf,
    pub how: &'a How<'a>,
    pub actor: &'a str,
    marks: Marks,
}

fn of_batch(project: &Project, batch: &str, how: &How, actor: &str) -> Result<Finished> {
    let folder = project.batch(batch);
    let plan: Plan = document::read(&folder.join("plan.json"))?;
    let marks = Marks { actor: Some(actor.to_owned()), note: Some(format!("batch {batch}")) };
    let job = Job { project, plan, folder, how, actor, marks };
    let before = project.write(|desk| job.begin(desk))?;
    let outcome = match document::read::<Outcome>(&job.outcome_file()) {
        Ok(outcome) => outcome,
        Err(_) => job.work(&before)?,
    };
    job.end(outcome)
}

impl Job<'_> {
    pub(super) fn outcome_file(&self) -> PathBuf {
        self.folder.join("outcome.json")
    }

    fn run(&self) -> PathBuf {
        self.folder.join("run")
    }

    pub(super) fn said(&self, more: Value) -> Value {
        let mut body = json!({"batch": self.plan.batch});
        if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
            body.extend(more);
        }
        body
    }

    /// The requests of the batch that are in one of these states.
    pub(super) fn of(&self, desk: &Desk, states: &[State]) -> Result<Vec<String>> {
        let within = |standing: &Standing| states.iter().any(|state| state.word() == standing.state);
        Ok(desk.of_batch(&self.plan.batch)?.into_iter().filter(within).map(|standing| standing.request).collect())
    }

    /// Says that it runs; returns the run that it goes on from.
    fn begin(&self, desk: &mut Desk) -> Result<PathBuf> {
        let batch = &self.plan.batch;
        let path = self.folder.join("plan.json");
        let now = sha256(&fs::read(&path).map_err(Error::io("read", &path))?);
        let then = desk.store.plan(batch)?.and_then(|plan| plan["plan_sha256"].as_str().map(str::to_owned));
        if then.as_deref() != Some(now.as_str()) {
            return Err(Error::CheckFailed(format!(
                "{} was changed since it was made: its hash is {now}, and the ledger has {}",
                path.display(),
                then.unwrap_or_default()
            )));
        }
        let current = self.project.current(&desk.store)?;
        if !self.of(desk, &[State::Verified])?.is_empty() {
            return Ok(current);
        }
        let run_sha256 = hash_of(&RunFolder::new(&current).info())?;
        if let Some(why) = stale(&self.plan, desk, &run_sha256)? {
            return Err(Error::Inconclusive(format!(
                "batch {batch} cannot be done as it was planned: {why}; plan it again with `unlearn requests plan`"
            )));
        }
        self.write_requests()?;
        let waiting = self.of(desk, &[State::Planned, State::Approved])?;
        desk.bring(&waiting, State::Running, self.actor, self.said(json!({})))?;
        Ok(current)
    }

    /// What the requests say, for what reads a file.
    fn write_requests(&self) -> Result<()> {
        let bodies = inbox::load(&self.project.folder)?;
        let mut parts = Vec::new();
        for asked in &self.plan.requests {
            let body = bodies.get(&asked.request).ok_or_else(|| {
                Error::input(format!(
                    "what request {} says is not in the inbox any more; bring that back",
                    asked.request
                ))
            })?;
            parts.extend(body.parts.iter());
        }
        write_atomic(&request_file(&self.folder), request_lines(parts)?.as_bytes())
    }

    /// Forgets and judges. What the method refuses or breaks at is an outcome too.
    fn work(&self, before: &Path) -> Result<Outcome> {
        let plan_file = self.folder.join("plan.json");
        let mut outcome = Outcome {
            schema: OUTCOME.into(),
            version: env!("CARGO_PKG_VERSION").into(),
            batch: self.plan.batch.clone(),
            made_at: String::new(),
            plan_sha256: sha256(&fs::read(&plan_file).map_err(Error::io("read", &plan_file))?),
            run_sha256: None,
            model_sha256: None,
            tier: None,
            effect: None,
            predicted: self.plan.predicted.clone(),
            seconds: None,
            accuracy_before: None,
            accuracy_after: None,
            verdict: None,
            verdict_sha256: None,
            audit: None,
            audit_sha256: None,
            failed: Vec::new(),
            reasons: Vec::new(),
        };
        if let Some(method) = &self.plan.method {
            match self.forget(before, method)? {
                Ok(()) => {
                    let (run, gate, marks) = (self.run(), &self.plan.gate, &self.marks);
                    Made { run: &run, before, gate, marks }.examine(self.how, &mut outcome)?;
                    self.rate(before, &outcome)?;
                }
                // An adapter that is not there, or a full disk, says nothing of the result: that came out above.
                Err(e @ (Error::Input(_) | Error::Device(_) | Error::TooLarge { .. } | Error::Unsupported(_))) => {
                    // The sentence may name what the request names.
                    outcome.failed.push("method-failed".into());
                    outcome.reasons.push("the method refused the request or broke off".into());
                    (self.how.said)(&format!("batch {}: {}", self.plan.batch, inbox::hush(e)));
                }
                Err(e) => return Err(e),
            }
        }
        outcome.made_at = utc_now();
        document::write(&self.outcome_file(), &outcome)?;
        Ok(outcome)
    }

    /// The run without the records, unless it is there; inside, what the method itself broke off with.
    fn forget(&self, before: &Path, method: &str) -> Result<Result<()>> {
        let settings = toml::Table::try_from(&self.plan.settings)
            .map_err(|e| Error::internal(format!("the settings of a plan: {e}")))?;
        let (request, out, seed) = (request_file(&self.folder), self.run(), self.how.seed);
        if RunFolder::new(before).read_info()?.ensemble.is_some() {
            let mut job = EnsembleForget::prepare(before, &request, method, settings, Some((&out, true)))?;
            job.marks = self.marks.clone();
            return match job.finished(seed)? {
                true => Ok(Ok(())),
                false => Ok(job.forget(&mut (self.how.engine)(1)?, seed, false).map(|_| ())),
            };
        }
        let mut job = ForgetJob::resume(before, &request, method, settings, &out)?;
        job.marks = self.marks.clone();
        match job.finished(seed)? {
            true => Ok(Ok(())),
            false => Ok(job.forget(&mut (self.how.engine)(1)?, seed, false).map(|_| ())),
        }
    }

    /// What it took, for the next plan.
    fn rate(&self, before: &Path, outcome: &Outcome) -> Result<()> {
        let info = RunFolder::new(&self.run()).read_info()?;
        let (Some(seconds), Some(method)) = (outcome.seconds, &self.plan.method) else { return Ok(()) };
        let (retained, forgotten) = (self.plan.touched.retained, self.plan.touched.train);
        let shards = trained_again(before, &self.plan)?;
        let reads = info.forget.map(|forget| forget.reads).unwrap_or_default();
        let per = if shards.is_some() { Per::Shards } else { Rate::grows_with(&reads) };
        rates::add(
            &self.project.folder,
            Rate {
                batch: Some(self.plan.batch.clone()),
                method: method.clone(),
                settings: self.plan.settings.clone().into(),
                adapter: info.adapter.name,
                config_sha256: info.config_sha256,
                retained,
                forgotten,
                seconds,
                per,
                shards: shards.unwrap_or(0),
            },
        )
    }
}

/// Records of the shards that are trained again; none where it is one network.
fn trained_again(before: &Path, plan: &Plan) -> Result<Option<usize>> {
    let (ensemble, shards) = (RunFolder::new(before).read_info()?.ensemble, plan.touched.shards.as_deref());
    let (Some(ensemble), Some(shards)) = (ensemble, shards) else { return Ok(None) };
    Ok(Some(shards.iter().filter_map(|at| ensemble.members.get(*at)).map(|member| member.records).sum()))
}
