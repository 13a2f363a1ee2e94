//! `unlearn eval`: a run against its original and its retrains.

use std::path::Path;

use serde_json::{Value, json};

use super::folder::{Opened, RunFolder};
use super::reading::evaluate;
use super::references;
use super::target::Target;
use crate::data::read_requests;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::eval::{Cost, Evaluation, Evidence, Metrics, Subject, Verdict, measure, measure_references, verdict};
use crate::methods::{self, Role};

/// What `unlearn eval` is asked for.
pub struct EvalJob<'a> {
    /// The folder of the run.
    pub run: &'a Path,
    /// Retrained runs.
    pub references: &'a [std::path::PathBuf],
    /// The run before forgetting.
    pub original: Option<&'a Path>,
    /// In place of the request that the run knows.
    pub request: Option<&'a Path>,
}

/// The runs of an evaluation, read and found to be comparable.
pub struct EvalInputs {
    run: Opened,
    references: Vec<Opened>,
    original: Option<Opened>,
    target: Option<Target>,
}

impl EvalJob<'_> {
    /// Reads every folder.
    ///
    /// # Errors
    /// A folder that holds no run, runs on different data, a request that does not fit.
    pub fn read(&self) -> Result<EvalInputs> {
        let run = RunFolder::new(self.run).open()?;
        let references: Vec<Opened> =
            self.references.iter().map(|path| RunFolder::new(path).open()).collect::<Result<_>>()?;
        let original = self.original.map(|path| RunFolder::new(path).open()).transpose()?;
        let given = self.request.map(read_requests).transpose()?;
        let known = given.as_ref().or(run.requests.as_ref());
        let known = known.or_else(|| references.iter().find_map(|reference| reference.requests.as_ref()));
        let target = known.map(|requests| Target::of(requests, &run.data, &run.model, run.config.seed)).transpose()?;
        let request = known.map(|requests| references::request_hash(&run, requests)).transpose()?;
        references::check(&run, request.as_deref(), &references, original.as_ref())?;
        Ok(EvalInputs { run, references, original, target })
    }
}

/// What `unlearn eval` found.
pub struct Measured {
    /// Its document.
    pub document: Value,
    /// The verdict in it; none without a request, an original and two references.
    pub verdict: Option<Verdict>,
}

impl EvalInputs {
    /// Runs the models and measures: the document of `unlearn eval`.
    ///
    /// # Errors
    /// A model that diverged; a lost device.
    pub fn measure(&self, engine: &mut Engine) -> Result<Measured> {
        let now = self.on(engine, &self.run)?;
        let references =
            self.references.iter().map(|reference| self.on(engine, reference)).collect::<Result<Vec<_>>>()?;
        let references: Vec<&Evaluation> = references.iter().collect();
        let forgotten_classes = self.target.as_ref().map_or(&[][..], |target| &target.classes);
        let metrics = measure(&Subject { now: &now, references: &references, forgotten_classes })?;
        let mut document = json!({
            "schema": "unlearn.eval/1",
            "version": env!("CARGO_PKG_VERSION"),
            "run": self.run.folder.path,
            "model_sha256": self.run.model_sha256(),
        });
        merge(&mut document, metrics.to_json());
        if let Some(original) = &self.original {
            let outputs = self.on(engine, original)?;
            let before = measure(&Subject { now: &outputs, references: &references, forgotten_classes })?;
            document["original"] = before.to_json();
            if let Some(judged) = self.judge(&metrics, &before, &now, &outputs, &references)? {
                document["verdict"] = to_value(&judged)?;
                return Ok(Measured { document, verdict: Some(judged) });
            }
        }
        Ok(Measured { document, verdict: None })
    }

    fn on(&self, engine: &mut Engine, run: &Opened) -> Result<Evaluation> {
        let theta = run.theta()?;
        let mut all = evaluate(engine, self.target.as_ref(), &[run.reading(&theta)])?;
        all.pop().unwrap_or_else(|| Err(Error::internal("no evaluation came back")))
    }

    /// The verdict, where there is a request and enough references: one of three or more is held out as the control.
    fn judge(
        &self,
        metrics: &Metrics,
        before: &Metrics,
        now: &Evaluation,
        original: &Evaluation,
        references: &[&Evaluation],
    ) -> Result<Option<Verdict>> {
        let Some(target) = self.target.as_ref().filter(|_| references.len() >= 2) else { return Ok(None) };
        let forgotten_classes = target.classes.as_slice();
        let scope = target.scope();
        let (kept, another) = match references {
            [kept @ .., last] if kept.len() >= 2 => (kept, Some(*last)),
            all => (all, None),
        };
        let against = |now| measure(&Subject { now, references: kept, forgotten_classes });
        // With a reference held out, everything is measured again, against the others.
        let (candidate, original) = match another {
            Some(_) => (against(now)?, against(original)?),
            None => (metrics.clone(), before.clone()),
        };
        let another = another.map(against).transpose()?;
        let evidence = Evidence {
            scope,
            original: &original,
            reference: &measure_references(kept, forgotten_classes)?,
            another: another.as_ref(),
            candidate: &candidate,
            candidate_sd: None,
            candidate_runs: 1,
            unlink: None,
            cost: Cost::default(),
        };
        let judged = verdict(&evidence);
        Ok(Some(match &self.run.info.forget {
            Some(forget) => forget.effect.overrule(judged, methods::role(&forget.method).unwrap_or(Role::Method)),
            None => judged,
        }))
    }
}

fn to_value(verdict: &Verdict) -> Result<Value> {
    serde_json::to_value(verdict).map_err(|e| Error::internal(format!("a verdict cannot be written: {e}")))
}

fn merge(into: &mut Value, from: Value) {
    if let (Value::Object(into), Value::Object(from)) = (into, from) {
        into.extend(from);
    }
}
