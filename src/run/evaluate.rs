//! `unlearn eval`: a run against its original and its retrains.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::ensemble;
use super::folder::{Opened, RunFolder};
use super::reading::evaluate;
use super::references;
use super::results::RequestSummary;
use super::target::Target;
use crate::data::read_requests;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::eval::{
    Cost, Evaluation, Evidence, METRICS, Metric, Metrics, SplitName, Subject, Verdict, measure, measure_references,
    verdict,
};
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
            self.references.iter().map(|path| RunFolder::new(path).open_beside(&run)).collect::<Result<_>>()?;
        let original = self.original.map(|path| RunFolder::new(path).open_beside(&run)).transpose()?;
        let given = self.request.map(read_requests).transpose()?;
        let known = given.as_ref().or(run.requests.as_ref());
        let known = known.or_else(|| references.iter().find_map(|reference| reference.requests.as_ref()));
        let target = known.map(|requests| references::target_for(&run, requests)).transpose()?;
        let request = target.as_ref().map(|target| RequestSummary::of(&[], target).hash);
        references::check(&run, request.as_deref(), &references, original.as_ref())?;
        Ok(EvalInputs { run, references, original, target })
    }
}

/// What `unlearn eval` prints. Beside these keys it has those of the run's metrics, as `unlearn list metrics` has them.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Document {
    /// `unlearn.eval/1`
    pub schema: &'static str,
    /// Version of the program.
    pub version: &'static str,
    /// Folder of the run.
    pub run: PathBuf,
    /// SHA-256 of its weights.
    pub model_sha256: String,
    /// What the run's source has lost, in a sentence; absent where it is as it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Metrics that take the forgotten records, where the source no longer has them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub not_measurable: Vec<String>,
    /// Of the run.
    #[cfg_attr(feature = "cli", schemars(skip))]
    #[serde(flatten)]
    pub metrics: Metrics,
    /// Metrics of the run before forgetting.
    #[cfg_attr(feature = "cli", schemars(schema_with = "crate::run::schema::metrics"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub original: Option<Metrics>,
    /// With an original and at least two references.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
}

/// What a run says of every split, one network or several.
///
/// # Errors
/// Outputs that are not finite; a corrupt run; a lost device.
pub(super) fn on(engine: &mut Engine, target: Option<&Target>, run: &Opened) -> Result<Evaluation> {
    if run.info.ensemble.is_some() {
        return ensemble::evaluate(engine, target, run);
    }
    let theta = run.theta()?;
    let mut all = evaluate(engine, target, &[run.reading(&theta)])?;
    all.pop().unwrap_or_else(|| Err(Error::internal("no evaluation came back")))
}

impl EvalInputs {
    /// Runs the models and measures: the document of `unlearn eval`.
    ///
    /// # Errors
    /// A model that diverged; a lost device.
    pub fn measure(&self, engine: &mut Engine) -> Result<Document> {
        let now = on(engine, self.target.as_ref(), &self.run)?;
        let references = self
            .references
            .iter()
            .map(|reference| on(engine, self.target.as_ref(), reference))
            .collect::<Result<Vec<_>>>()?;
        let references: Vec<&Evaluation> = references.iter().collect();
        let forgotten_classes = self.target.as_ref().map_or(&[][..], |target| &target.classes);
        let metrics = measure(&Subject { now: &now, references: &references, forgotten_classes })?;
        let mut document = Document {
            schema: "unlearn.eval/1",
            version: env!("CARGO_PKG_VERSION"),
            run: self.run.folder.path.clone(),
            model_sha256: self.run.model_sha256().to_owned(),
            source: self.run.lost(),
            not_measurable: self.all_lost().map(|target| of_forgotten(target, &metrics)).unwrap_or_default(),
            metrics,
            original: None,
            verdict: None,
        };
        if let Some(original) = &self.original {
            let outputs = on(engine, self.target.as_ref(), original)?;
            let before = measure(&Subject { now: &outputs, references: &references, forgotten_classes })?;
            document.verdict = self.judge(&document.metrics, &before, &now, &outputs, &references)?;
            document.original = Some(before);
        }
        Ok(document)
    }

    /// The request, where the source has none of its records any more.
    fn all_lost(&self) -> Option<&Target> {
        let none = |target: &&Target| target.split.forget.is_empty() && target.split.unseen.is_empty();
        self.target.as_ref().filter(|target| !self.run.absent.is_empty() && none(target))
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
        let mut judged = verdict(&evidence);
        if let Some(lost) = self.run.lost().filter(|_| self.all_lost().is_some()) {
            judged = not_any_more(judged, &lost);
        }
        Ok(Some(match &self.run.info.forget {
            Some(forget) => forget.effect.overrule(judged, methods::role(&forget.method).unwrap_or(Role::Method)),
            None => judged,
        }))
    }
}

/// Keys of metrics that take forgotten records, which the source no longer has.
fn of_forgotten(target: &Target, metrics: &Metrics) -> Vec<String> {
    let has = |key: &str| SplitName::ALL.iter().any(|split| metrics.get(&format!("splits.{split}.{key}")).is_some());
    let (real, labels) = (has("rmse"), has("exact_match"));
    let of_kind: &[&str] = match (real, labels) {
        (true, _) => &["rmse", "mae", "r2"],
        (_, true) => &["micro_f1", "macro_f1", "exact_match", "mean_average_precision", "mean_auc"],
        _ => &["accuracy", "per_class"],
    };
    let splits = of_kind.iter().chain(&["loss", "count"]).map(|key| format!("splits.forget.{key}"));
    let of_classes = ["gaps.forget_accuracy", "gaps.average", "gaps.tug_of_war"];
    let suits = |key: &&str| match key.split('.').next() {
        Some("distance") => real,
        Some("js" | "kl" | "activation_l1" | "disagreement") => !real,
        _ => !(real || labels) || !of_classes.contains(key),
    };
    let named = |metric: &&Metric| !matches!(metric.name, "planted-class replay" | "accuracy and loss");
    let measured = METRICS.iter().filter(named).flat_map(|metric| {
        let all = metric.needs.contains(&SplitName::Forget);
        let own = |key: &&&str| !matches!(**key, "gaps.retain_accuracy" | "gaps.test_accuracy");
        metric.keys.iter().filter(own).filter(move |key| all || key.ends_with(".forget") || key.ends_with("_forget"))
    });
    let asked = |key: &&str| !key.starts_with("membership_same_class") || !target.classes.is_empty();
    let all = splits.chain(measured.copied().filter(asked).filter(suits).map(str::to_owned));
    all.filter(|key| metrics.get(key).is_none()).collect()
}

/// Says of each check that could not be measured for want of the records that it never can be again.
fn not_any_more(mut verdict: Verdict, lost: &str) -> Verdict {
    for check in verdict.checks.iter_mut().filter(|check| check.value.is_none()) {
        check.reason = format!("Not measurable any more: {lost}.");
    }
    let names: Vec<&str> =
        verdict.checks.iter().filter(|check| check.value.is_none()).map(|check| check.name.as_str()).collect();
    verdict.summary = format!(
        "Not measurable any more, since {lost}: {}; judge a run before the records leave. {}",
        names.join(", "),
        verdict.summary
    );
    verdict
}
