//! Rows for run folders that were made one by one: read again on every split and measured against the retrains among
//! them.

use super::effect::Became;
use super::evaluate::on;
use super::folder::Opened;
use super::info::ForgetInfo;
use super::pictures::{self, Pictures};
use super::references;
use super::results::{Provenance, RequestSummary, Row, RowKind, SCHEMA};
use super::verify;
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::eval::{Cost, Evaluation, Metrics, Subject, measure, membership_roc};
use crate::methods::Tier;

/// One row per run. Runs that forgot one request on the same data are one experiment, with the runs that they came
/// from; so no run is measured against a retrain of another request.
///
/// # Errors
/// A run whose weights are corrupt or not finite; one that is there twice; a lost device.
pub fn rows_of_runs(engine: &mut Engine, runs: &[Opened]) -> Result<Vec<Row>> {
    for (i, run) in runs.iter().enumerate() {
        let copy = runs[..i].iter().find(|other| other.run_sha256 == run.run_sha256);
        if let Some(copy) = copy {
            let (path, other) = (run.folder.path.display(), copy.folder.path.display());
            return Err(Error::input(format!(
                "{path} is the same run as {other} (run.json {}); give each run once",
                run.run_sha256
            )));
        }
    }
    let groups = groups(runs)?;
    let mut rows = Vec::new();
    for (i, group) in groups.iter().enumerate() {
        let twins = groups[..i].iter().filter(|other| other.runs[0].info.data.name == group.runs[0].info.data.name);
        rows.extend(experiment(engine, group, twins.count() + 1)?);
    }
    Ok(rows)
}

/// Runs that are compared with each other.
struct Group<'a> {
    /// Hash of the records that were forgotten.
    request: Option<String>,
    runs: Vec<&'a Opened>,
}

impl Group<'_> {
    /// The run that the others came from.
    fn original(&self) -> Option<usize> {
        self.runs.iter().position(|run| run.info.forget.is_none())
    }

    /// Forgotten records whose outputs every row shows.
    fn shown(&self, outputs: &[Evaluation]) -> Vec<usize> {
        let retrains = self.runs.iter().zip(outputs).filter(|(run, _)| references::is_retrain(run));
        let retrains: Vec<&Evaluation> = retrains.map(|(_, outputs)| outputs).collect();
        self.original().map(|at| pictures::betrayed(&outputs[at], &retrains)).unwrap_or_default()
    }

    fn pictures(&self, run: &Opened, now: &Evaluation, forgotten_classes: &[u32], shown: &[usize]) -> Result<Pictures> {
        let pictures = Pictures::of(now, forgotten_classes, shown);
        let Some(forget) = &run.info.forget else { return Ok(pictures) };
        let pictures = pictures.chosen(forget.details.ratios.clone());
        let Some(original) = self.original().map(|at| self.runs[at]) else { return Ok(pictures) };
        // A network that was made without a class has other layers, and an ensemble has no weights of its own.
        let ensemble = [original, run].iter().any(|run| run.info.ensemble.is_some());
        if ensemble || original.model.layout != run.model.layout {
            return Ok(pictures);
        }
        Ok(pictures.moved(&run.model.layout, &original.theta()?, &run.theta()?))
    }
}

fn groups(runs: &[Opened]) -> Result<Vec<Group<'_>>> {
    let mut groups: Vec<Group> = Vec::new();
    let data = |run: &Opened| run.info.evidence.data_sha256.clone();
    for run in runs.iter().filter(|run| run.info.forget.is_some()) {
        let request = references::request_of(run)?;
        match groups.iter_mut().find(|group| group.request == request && data(group.runs[0]) == data(run)) {
            Some(group) => group.runs.push(run),
            None => groups.push(Group { request, runs: vec![run] }),
        }
    }
    for run in runs.iter().filter(|run| run.info.forget.is_none()) {
        let mut placed = false;
        for group in groups.iter_mut().filter(|group| data(group.runs[0]) == data(run)) {
            let came = |other: &&Opened| other.info.evidence.parents.iter().any(|p| p.run_sha256 == run.run_sha256);
            let trained = group.request.is_none();
            if trained || group.runs.iter().copied().any(|other| came(&other)) {
                placed = true;
                // Before what came from it.
                let at = if trained { group.runs.len() } else { 0 };
                group.runs.insert(at, run);
            }
        }
        if !placed {
            groups.push(Group { request: None, runs: vec![run] });
        }
    }
    Ok(groups)
}

fn experiment(engine: &mut Engine, group: &Group, number: usize) -> Result<Vec<Row>> {
    let runs = &group.runs;
    let requests = runs.iter().find_map(|run| Some((run.requests.as_ref()?, *run)));
    let target = requests.map_or(Ok(None), |(_, run)| references::target_of(run))?;
    let request = match (&target, requests) {
        (Some(target), Some((requests, _))) => RequestSummary::of(requests, target),
        _ => RequestSummary { kind: "no".into(), ..RequestSummary::default() },
    };
    let mut outputs = Vec::new();
    for run in runs {
        outputs.push(on(engine, target.as_ref(), run)?);
    }
    let shown = group.shown(&outputs);
    let mut rows = Vec::new();
    for (i, run) in runs.iter().enumerate() {
        // A retrain is measured against the others.
        let mut references: Vec<&Evaluation> = Vec::new();
        let mut taken = vec![run.model_sha256()];
        for (k, (other, outputs)) in runs.iter().zip(&outputs).enumerate() {
            let distinct = !taken.contains(&other.model_sha256());
            if k != i && distinct && references::unfit(run, group.request.as_deref(), other)?.is_none() {
                taken.push(other.model_sha256());
                references.push(outputs);
            }
        }
        let forgotten_classes = request.classes.as_slice();
        let metrics = measure(&Subject { now: &outputs[i], references: &references, forgotten_classes })?;
        let roc = membership_roc(&outputs[i], forgotten_classes)?;
        let pictures = Some(Box::new(group.pictures(run, &outputs[i], forgotten_classes, &shown)?));
        let mut row = Row { metrics, roc, pictures, ..facts(run, &request)? };
        if number > 1 {
            row.experiment += &format!(" ({number})");
        }
        rows.push(row);
    }
    Ok(rows)
}

/// Where the run lies, and why it forgot nothing where it did not.
fn note(run: &Opened) -> String {
    let lost = run.lost().map_or(String::new(), |lost| format!("; {lost}: what is measured on them is missing"));
    format!("{}{lost}", became(run))
}

fn became(run: &Opened) -> String {
    let path = run.folder.path.display();
    match run.info.forget.as_ref().map(|forget| &forget.effect) {
        Some(effect) if effect.result != Became::Changed => {
            format!("{path}: {}, for {}", effect.as_str(), effect.reason.as_deref().unwrap_or("no reason is known"))
        }
        _ => path.to_string(),
    }
}

/// A run's row without what is measured.
fn facts(run: &Opened, request: &RequestSummary) -> Result<Row> {
    let recipe = serde_json::to_value(&run.config.train);
    let recipe = recipe.map_err(|e| Error::internal(format!("the recipe cannot be written: {e}")))?;
    let kind = match &run.info.forget {
        None => RowKind::Original,
        Some(_) if references::is_retrain(run) => RowKind::Retrain,
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
        interval: Metrics::default(),
        verdict: verify::stored(run)?.map(|stored| stored.verdict),
        effect: forget.map(|f| f.effect.clone()),
        provenance: Some(Provenance {
            made_at: run.info.evidence.made_at.clone(),
            version: run.info.version.clone(),
            actor: run.info.evidence.actor.clone(),
            note: run.info.evidence.note.clone(),
            data_sha256: run.info.evidence.data_sha256.clone(),
            config_sha256: run.info.config_sha256.clone(),
        }),
        roc: Vec::new(),
        pictures: None,
        note: Some(note(run)),
    })
}
