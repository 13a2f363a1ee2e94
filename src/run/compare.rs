//! Rows for run folders that were made one by one: read again on every split and measured against the retrains among
//! them.

use super::folder::{ForgetInfo, Opened};
use super::reading::evaluate;
use super::results::{RequestSummary, Row, RowKind, SCHEMA};
use super::target::Target;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::eval::{Cost, Evaluation, Metrics, Subject, measure, membership_roc};
use crate::methods::{self, Role, Tier};

/// One row per run. Runs on the same data are one experiment, under the request of the first that has one.
///
/// # Errors
/// A run whose weights are corrupt or not finite; a lost device.
pub fn rows_of_runs(engine: &mut Engine, runs: &[Opened]) -> Result<Vec<Row>> {
    let mut groups: Vec<Vec<&Opened>> = Vec::new();
    for run in runs {
        match groups.iter_mut().find(|group| group[0].info.data.same_records(&run.info.data)) {
            Some(group) => group.push(run),
            None => groups.push(vec![run]),
        }
    }
    let mut rows = Vec::new();
    for group in groups {
        rows.extend(experiment(engine, &group)?);
    }
    Ok(rows)
}

fn experiment(engine: &mut Engine, runs: &[&Opened]) -> Result<Vec<Row>> {
    let requests = runs.iter().find_map(|run| Some((run.requests.as_ref()?, *run)));
    let target =
        requests.map(|(requests, run)| Target::of(requests, &run.data, &run.model, run.config.seed)).transpose()?;
    let request = match (&target, requests) {
        (Some(target), Some((requests, _))) => RequestSummary::of(requests, target),
        _ => RequestSummary { kind: "no".into(), count: 0, hash: String::new(), classes: Vec::new() },
    };
    let mut outputs = Vec::new();
    for run in runs {
        let theta = run.theta()?;
        let reading = run.reading(&theta);
        let mut read = evaluate(engine, target.as_ref(), &[reading])?;
        outputs.push(read.pop().unwrap_or_else(|| Err(Error::internal("no evaluation came back")))?);
    }
    let mut rows = Vec::new();
    for (i, run) in runs.iter().enumerate() {
        // A retrain is measured against the others.
        let others = runs.iter().zip(&outputs).enumerate().filter(|(k, (other, _))| *k != i && is_retrain(other));
        let references: Vec<&Evaluation> = others.map(|(_, (_, outputs))| outputs).collect();
        let forgotten_classes = request.classes.as_slice();
        let metrics = measure(&Subject { now: &outputs[i], references: &references, forgotten_classes })?;
        let roc = membership_roc(&outputs[i], forgotten_classes)?;
        rows.push(Row { metrics, roc, ..facts(run, &request)? });
    }
    Ok(rows)
}

fn is_retrain(run: &Opened) -> bool {
    run.info.forget.as_ref().is_some_and(|forget| methods::role(&forget.method) == Some(Role::Reference))
}

/// A run's row without what is measured.
fn facts(run: &Opened, request: &RequestSummary) -> Result<Row> {
    let recipe = serde_json::to_value(&run.config.train);
    let recipe = recipe.map_err(|e| Error::internal(format!("the recipe cannot be written: {e}")))?;
    let kind = match &run.info.forget {
        None => RowKind::Original,
        Some(_) if is_retrain(run) => RowKind::Retrain,
        Some(_) => RowKind::Method,
    };
    let forget = run.info.forget.as_ref();
    let times = |f: &ForgetInfo| Cost {
        method_s: Some(f.method_s),
        precompute_s: Some(f.precompute_s).filter(|s| *s > 0.0),
        retrain_s: None,
    };
    Ok(Row {
        schema: SCHEMA.into(),
        experiment: format!("runs on {}", run.info.data.name),
        family: run.model.family(),
        dataset: run.info.data.name.clone(),
        request: request.clone(),
        row: kind,
        method: forget.map_or("none".into(), |f| f.method.clone()),
        settings: forget.map_or(recipe, |f| f.settings.clone()),
        tier: forget.map_or(Tier::Unverified, |f| f.tier),
        seed: run.info.seed,
        seeds: Vec::new(),
        adapter: run.info.adapter.clone(),
        variants: run.info.variants.clone(),
        times: forget.map(times).unwrap_or_default(),
        reads: forget.map_or(Vec::new(), |f| f.reads.clone()),
        metrics: Metrics::default(),
        sd: Metrics::default(),
        verdict: None,
        roc: Vec::new(),
        note: Some(run.folder.path.display().to_string()),
    })
}
