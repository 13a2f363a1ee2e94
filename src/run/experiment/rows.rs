//! The rows of an experiment: controls and methods, each measured against the same references.

use super::{Candidate, Original, Ready};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::eval::{
    Cost, Evaluation, Evidence, Metrics, Reference, Subject, measure, measure_references, membership_roc, verdict,
};
use crate::methods::{self, Read, Role, Tier};
use crate::run::results::{AdapterSummary, Row, RowKind, SCHEMA};
use crate::run::variants;

/// A candidate with what it said, or why it has nothing to say.
struct Scored<'a> {
    candidate: &'a Candidate,
    outputs: Result<Evaluation, String>,
}

/// What every row of the experiment is measured with.
struct Bench<'a> {
    ready: &'a Ready,
    template: Row,
    references: Vec<&'a Evaluation>,
    reference: Reference,
    /// Mean seconds of a retrain.
    retrain_s: f64,
}

pub(super) fn rows(
    ready: &Ready,
    engine: &Engine,
    original: &Original,
    candidates: &[Candidate],
    outputs: Vec<Result<Evaluation>>,
) -> Result<Vec<Row>> {
    let mut outputs = outputs.into_iter();
    let vanished = || Error::internal("an evaluation vanished");
    let before = outputs.next().ok_or_else(vanished)??;
    let mut scored = Vec::new();
    for candidate in candidates {
        let said = match &candidate.made {
            Err(why) => Err(why.clone()),
            Ok(_) => match outputs.next().ok_or_else(vanished)? {
                Ok(evaluation) => Ok(evaluation),
                Err(Error::CheckFailed(why)) if candidate.kind == RowKind::Method => Err(why),
                Err(other) => return Err(other),
            },
        };
        scored.push(Scored { candidate, outputs: said });
    }
    let of = |kind: RowKind| scored.iter().filter(move |s| s.candidate.kind == kind);
    let references: Vec<&Evaluation> = of(RowKind::Retrain).filter_map(|s| s.outputs.as_ref().ok()).collect();
    let times: Vec<f64> = of(RowKind::Retrain).filter_map(Scored::method_s).collect();
    let bench = Bench {
        ready,
        template: template(ready, AdapterSummary::of(engine)),
        reference: measure_references(&references, &ready.target.classes)?,
        references,
        retrain_s: times.iter().sum::<f64>() / times.len().max(1) as f64,
    };
    let original_row = bench.original(original, &before)?;
    let retrains: Vec<&Scored> = of(RowKind::Retrain).collect();
    let mut rows = vec![original_row, bench.retrain(&retrains)?];
    for other in of(RowKind::AnotherRetrain).chain(of(RowKind::Method)) {
        rows.push(bench.candidate(other)?);
    }
    bench.judge(&mut rows);
    Ok(rows)
}

impl Scored<'_> {
    fn method_s(&self) -> Option<f64> {
        self.candidate.made.as_ref().ok().map(|(_, account)| account.method_s)
    }
}

/// What all rows share.
fn template(ready: &Ready, adapter: AdapterSummary) -> Row {
    Row {
        schema: SCHEMA.into(),
        experiment: ready.name.clone(),
        family: ready.model.family(),
        dataset: ready.data.name.clone(),
        request: ready.request.clone(),
        row: RowKind::Method,
        method: String::new(),
        settings: serde_json::Value::Null,
        tier: Tier::Unverified,
        seed: ready.config.seed,
        seeds: Vec::new(),
        adapter,
        variants: Default::default(),
        times: Cost::default(),
        reads: Vec::new(),
        metrics: Metrics::default(),
        sd: Metrics::default(),
        roc: Vec::new(),
        verdict: None,
        note: None,
    }
}

impl Bench<'_> {
    fn measure(&self, now: &Evaluation) -> Result<Metrics> {
        let forgotten_classes = &self.ready.target.classes;
        measure(&Subject { now, references: &self.references, forgotten_classes })
    }

    fn recipe(&self) -> Result<serde_json::Value> {
        let recipe = serde_json::to_value(&self.ready.config.train);
        recipe.map_err(|e| Error::internal(format!("the recipe cannot be written: {e}")))
    }

    fn original(&self, original: &Original, outputs: &Evaluation) -> Result<Row> {
        Ok(Row {
            row: RowKind::Original,
            method: "none".into(),
            settings: self.recipe()?,
            variants: variants::of(&original.kernels),
            metrics: self.measure(outputs)?,
            roc: membership_roc(outputs, &self.ready.target.classes)?,
            note: Some(format!("training took {:.2} s", original.seconds)),
            ..self.template.clone()
        })
    }

    fn retrain(&self, retrains: &[&Scored]) -> Result<Row> {
        let first = self.references.first().ok_or_else(|| Error::internal("there is no retrain"))?;
        Ok(Row {
            row: RowKind::Retrain,
            method: methods::reference().name.into(),
            settings: self.recipe()?,
            tier: Tier::Exact,
            seeds: retrains.iter().map(|s| s.candidate.seed).collect(),
            variants: variants::of(retrains.iter().flat_map(|s| &s.candidate.kernels)),
            times: Cost { method_s: Some(self.retrain_s), precompute_s: None, retrain_s: Some(self.retrain_s) },
            reads: vec![Read::RetainData],
            metrics: self.reference.mean.clone(),
            sd: self.reference.sd.clone(),
            roc: membership_roc(first, &self.ready.target.classes)?,
            ..self.template.clone()
        })
    }

    fn candidate(&self, scored: &Scored) -> Result<Row> {
        let c = scored.candidate;
        let tier = c.row.map_or(Tier::Unverified, |row| row.tier);
        let (kind, method, settings) = (c.kind, c.method.to_owned(), c.settings.clone());
        let variants = variants::of(&c.kernels);
        let mut row = Row { row: kind, method, settings, tier, seed: c.seed, variants, ..self.template.clone() };
        if let Ok((_, account)) = &c.made {
            let precompute_s = Some(account.precompute_s).filter(|s| *s > 0.0);
            row.times = Cost { method_s: Some(account.method_s), precompute_s, retrain_s: Some(self.retrain_s) };
            row.reads = account.reads.clone();
        }
        match &scored.outputs {
            Ok(outputs) => {
                row.metrics = self.measure(outputs)?;
                row.roc = membership_roc(outputs, &self.ready.target.classes)?;
            }
            Err(why) => row.note = Some(format!("diverged, so it has no scores: {why}")),
        }
        Ok(row)
    }

    /// Puts a verdict on every method that has scores.
    fn judge(&self, rows: &mut [Row]) {
        let metrics = |kind| rows.iter().find(|row| row.row == kind).map(|row| row.metrics.clone());
        let (Some(original), another) = (metrics(RowKind::Original), metrics(RowKind::AnotherRetrain)) else { return };
        let scope = self.ready.target.scope();
        let unlink =
            rows.iter().find(|row| methods::role(&row.method) == Some(Role::Floor)).map(|row| row.metrics.clone());
        for row in rows.iter_mut().filter(|row| row.row == RowKind::Method && !row.metrics.is_empty()) {
            row.verdict = Some(verdict(&Evidence {
                scope,
                original: &original,
                reference: &self.reference,
                another: another.as_ref(),
                candidate: &row.metrics,
                unlink: unlink.as_ref(),
                cost: row.times,
            }));
        }
    }
}
