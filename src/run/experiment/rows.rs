//! The rows of an experiment: controls and methods, each measured against the same references.

use super::{Candidate, Original, Ready};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::eval::targets::worth;
use crate::eval::{
    Chance, Cost, Evaluation, Evidence, Metrics, Reference, SplitName, Subject, measure, measure_references,
    membership_roc, of_control, verdict,
};
use crate::methods::{self, Read, Role, Tier};
use crate::run::claim;
use crate::run::effect::{Became, Effect};
use crate::run::pictures::{self, Pictures};
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
    /// Mean seconds of a retrain that is made alone.
    retrain_s: f64,
    /// What accuracy on the retained records is worth nothing.
    chance: Option<Chance>,
    /// Accuracy of the originals on the retained records, on average.
    retained: Option<f64>,
    /// Weights of the first original.
    original: &'a [f32],
    /// Forgotten records whose outputs every row shows.
    shown: Vec<usize>,
}

pub(super) fn rows(
    ready: &Ready,
    engine: &Engine,
    originals: &[&Original],
    candidates: &[Candidate],
    outputs: Vec<Result<Evaluation>>,
) -> Result<Vec<Row>> {
    let mut outputs = outputs.into_iter();
    let vanished = || Error::internal("an evaluation vanished");
    let before: Vec<Evaluation> = outputs.by_ref().take(originals.len()).collect::<Result<_>>()?;
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
    let alone = of(RowKind::Retrain).filter(|scored| !scored.candidate.stacked);
    let times: Vec<f64> = alone.filter_map(Scored::method_s).collect();
    let retain = before.first().and_then(|evaluation| evaluation.get(SplitName::Retain));
    let mut bench = Bench {
        ready,
        template: template(ready, AdapterSummary::of(engine)),
        reference: measure_references(&references, &ready.target.classes)?,
        original: originals.first().map_or(&[], |original| &original.theta),
        shown: before.first().map(|original| pictures::betrayed(original, &references)).unwrap_or_default(),
        references,
        retrain_s: mean(&times).unwrap_or(0.0),
        chance: retain.and_then(Chance::of_outputs),
        retained: None,
    };
    let original_row = bench.original(originals, &before)?;
    bench.retained = match original_row.metrics.get("splits.retain.accuracy") {
        Some(accuracy) => Some(accuracy),
        None => retain.map_or(Ok(None), worth)?,
    };
    let retrains: Vec<&Scored> = of(RowKind::Retrain).collect();
    let mut rows = vec![original_row, bench.retrain(&retrains)?];
    for other in of(RowKind::AnotherRetrain) {
        rows.push(bench.candidate(&[other])?);
    }
    let methods: Vec<&Scored> = of(RowKind::Method).collect();
    for seeds in methods.chunk_by(|a, b| a.candidate.method == b.candidate.method) {
        rows.push(bench.candidate(seeds)?);
    }
    bench.judge(&mut rows);
    Ok(rows)
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
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
        interval: Metrics::default(),
        roc: Vec::new(),
        pictures: None,
        verdict: None,
        effect: None,
        provenance: Some(ready.provenance.clone()),
        note: None,
    }
}

impl Bench<'_> {
    fn measure(&self, now: &Evaluation) -> Result<Metrics> {
        let forgotten_classes = &self.ready.target.classes;
        measure(&Subject { now, references: &self.references, forgotten_classes })
    }

    /// Mean and spread over models, each against the same references.
    fn over<'e>(&self, models: impl IntoIterator<Item = &'e Evaluation>) -> Result<Reference> {
        let each = models.into_iter().map(|now| self.measure(now)).collect::<Result<Vec<_>>>()?;
        Ok(Reference::over(&each))
    }

    fn recipe(&self) -> Result<serde_json::Value> {
        let recipe = serde_json::to_value(&self.ready.config.train);
        recipe.map_err(|e| Error::internal(format!("the recipe cannot be written: {e}")))
    }

    fn original(&self, originals: &[&Original], outputs: &[Evaluation]) -> Result<Row> {
        let over = self.over(outputs)?;
        let (interval, Reference { mean: metrics, sd, .. }) = (over.interval(), over);
        let first = outputs.first().ok_or_else(|| Error::internal("there is no original"))?;
        let seconds: Vec<f64> = originals.iter().filter_map(|original| original.seconds).collect();
        Ok(Row {
            row: RowKind::Original,
            method: "none".into(),
            settings: self.recipe()?,
            seeds: several(originals.iter().map(|original| original.seed)),
            variants: variants::of(originals.iter().flat_map(|original| &original.kernels)),
            metrics,
            sd,
            interval,
            roc: membership_roc(first, &self.ready.target.classes)?,
            pictures: Some(Box::new(self.pictures(first, None))),
            note: mean(&seconds).map(|seconds| format!("training took {seconds:.2} s")),
            ..self.template.clone()
        })
    }

    fn retrain(&self, retrains: &[&Scored]) -> Result<Row> {
        let first = self.references.first().ok_or_else(|| Error::internal("there is no retrain"))?;
        let pictures = self.pictures(first, retrains.first().map(|scored| scored.candidate));
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
            interval: self.reference.interval(),
            roc: membership_roc(first, &self.ready.target.classes)?,
            pictures: Some(Box::new(pictures)),
            note: self
                .ready
                .config
                .init
                .as_ref()
                .map(|base| format!("exact, given that the base model {} did not see the records", base.display())),
            ..self.template.clone()
        })
    }

    /// One row for the seeds of a method: their mean and spread, or why a seed has no scores.
    fn candidate(&self, seeds: &[&Scored]) -> Result<Row> {
        let Some(first) = seeds.first() else { return Err(Error::internal("a method without a seed")) };
        let c = first.candidate;
        let tier = c.row.map_or(Tier::Unverified, |row| row.tier);
        let (kind, method, settings) = (c.kind, c.method.to_owned(), c.settings.clone());
        let variants = variants::of(seeds.iter().flat_map(|s| &s.candidate.kernels));
        let mut row = Row { row: kind, method, settings, tier, seed: c.seed, variants, ..self.template.clone() };
        row.seeds = several(seeds.iter().map(|s| s.candidate.seed));
        let accounts: Vec<_> = seeds.iter().filter_map(|s| Some(&s.candidate.made.as_ref().ok()?.1)).collect();
        let times = |of: fn(&methods::Account) -> f64| mean(&accounts.iter().map(|a| of(a)).collect::<Vec<_>>());
        if let Some(account) = accounts.first() {
            let precompute_s = times(|account| account.precompute_s).filter(|s| *s > 0.0);
            let method_s = times(|account| account.method_s);
            row.times = Cost { method_s, precompute_s, retrain_s: Some(self.retrain_s) };
            row.reads = account.reads.clone();
            row.tier = claim::tier(tier, account);
        }
        let (said, failed): (Vec<_>, Vec<_>) = seeds.iter().partition(|s| s.outputs.is_ok());
        if let Some(why) = failed.first().and_then(|s: &&&Scored| s.outputs.as_ref().err()) {
            let share = if seeds.len() > 1 {
                format!(" with {} of {} seeds", failed.len(), seeds.len())
            } else {
                String::new()
            };
            row.note = Some(format!("diverged{share}, so it has no scores: {why}"));
            return Ok(row);
        }
        let said: Vec<&Evaluation> = said.iter().filter_map(|s| s.outputs.as_ref().ok()).collect();
        let over = self.over(said.iter().copied())?;
        row.interval = over.interval();
        (row.metrics, row.sd) = (over.mean, over.sd);
        if let Some(first) = said.first() {
            row.roc = membership_roc(first, &self.ready.target.classes)?;
            row.pictures = Some(Box::new(self.pictures(first, Some(c))));
        }
        if kind == RowKind::Method {
            row.effect = Some(self.effect(seeds)?);
        }
        Ok(row)
    }

    /// Of a model and, where it is a candidate's, of how it came about.
    fn pictures(&self, now: &Evaluation, candidate: Option<&Candidate>) -> Pictures {
        let pictures = Pictures::of(now, &self.ready.target.classes, &self.shown);
        let Some((theta, account)) = candidate.and_then(|candidate| candidate.made.as_ref().ok()) else {
            return pictures;
        };
        let layout = &self.ready.model.layout;
        pictures.moved(layout, self.original, theta).chosen(account.details.ratios.clone())
    }

    /// The worst of what became of the weights with each seed.
    fn effect(&self, seeds: &[&Scored]) -> Result<Effect> {
        let mut each = Vec::new();
        for scored in seeds {
            let retain = scored.outputs.as_ref().ok().and_then(|now| now.get(SplitName::Retain));
            let after = retain.map_or(Ok(None), worth)?;
            each.push(scored.candidate.effect.clone().or_destroyed(self.retained, after, self.chance));
        }
        for word in [Became::Destroyed, Became::Unchanged] {
            let count = each.iter().filter(|effect| effect.result == word).count();
            let Some(mut effect) = each.iter().find(|effect| effect.result == word).cloned() else { continue };
            if count < each.len() {
                let reason = effect.reason.unwrap_or_default();
                effect.reason = Some(format!("with {count} of {} seeds, {reason}", each.len()));
            }
            return Ok(effect);
        }
        Ok(Effect::default())
    }

    /// Puts a verdict on every method that has scores, and on the controls.
    fn judge(&self, rows: &mut [Row]) {
        let metrics = |kind| rows.iter().find(|row| row.row == kind).map(|row| row.metrics.clone());
        let (Some(original), another) = (metrics(RowKind::Original), metrics(RowKind::AnotherRetrain)) else { return };
        let scope = self.ready.target.scope();
        let unlink =
            rows.iter().find(|row| methods::role(&row.method) == Some(Role::Floor)).map(|row| row.metrics.clone());
        let judged = |row: &&mut Row| row.row != RowKind::Retrain && !row.metrics.is_empty();
        for row in rows.iter_mut().filter(judged) {
            let evidence = Evidence {
                scope,
                original: &original,
                reference: &self.reference,
                another: another.as_ref(),
                candidate: &row.metrics,
                candidate_sd: Some(&row.sd),
                candidate_runs: row.seeds.len().max(1),
                unlink: unlink.as_ref(),
                cost: row.times,
            };
            let judged = match row.row {
                RowKind::AnotherRetrain => of_control(&evidence),
                _ => verdict(&evidence),
            };
            let role = methods::role(&row.method).unwrap_or(Role::Method);
            row.verdict = Some(row.effect.as_ref().map_or(judged.clone(), |effect| effect.overrule(judged, role)));
        }
    }
}

/// Seeds, where there are several.
fn several(seeds: impl Iterator<Item = u64>) -> Vec<u64> {
    let seeds: Vec<u64> = seeds.collect();
    if seeds.len() > 1 { seeds } else { Vec::new() }
}
