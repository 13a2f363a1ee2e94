//! Runs models over every split and hands their outputs to the metrics.

use std::path::Path;

use serde_json::{Value, json};

use super::folder::{Opened, RunFolder};
use super::target::Target;
use crate::data::{Dataset, GraphData, Samples, read_requests};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::eval::{
    Cost, Evaluation, Evidence, Metrics, Outputs, RequestScope, SplitName, Subject, measure, measure_references,
    verdict,
};
use crate::nn::Model;
use crate::train::{Part, Records, Session};

/// A model to be read.
#[derive(Clone, Copy, Debug)]
pub struct Reading<'a> {
    /// Flat parameters.
    pub theta: &'a [f32],
    /// It stands after the request: on a graph it is read without what was deleted, and deleted nodes where they were.
    pub forgot: bool,
}

/// Reads models on every split: one evaluation for each, or why it cannot be scored.
///
/// # Errors
/// A lost device; memory over the budget.
pub fn evaluate(
    engine: &mut Engine,
    model: &Model,
    data: &Dataset,
    target: Option<&Target>,
    readings: &[Reading],
) -> Result<Vec<Result<Evaluation>>> {
    let Some(first) = readings.first() else { return Ok(Vec::new()) };
    let splits = splits(data, target);
    let Some(graph) = &data.graph else {
        let mut all: Vec<Evaluation> = readings.iter().map(|_| Evaluation::new()).collect();
        let mut failed: Vec<Option<Error>> = readings.iter().map(|_| None).collect();
        for samples in [&data.train, &data.validation, &data.test] {
            if samples.is_empty() {
                continue;
            }
            let ids: Vec<u32> = (0..samples.len() as u32).collect();
            let mut session = Session::new(engine, model, samples, &Samples::default(), first.theta)?;
            for (i, reading) in readings.iter().enumerate() {
                session.write_theta(reading.theta)?;
                let logits = session.logits(Records::train(&ids))?;
                let outputs = Outputs { logits, labels: samples.y.clone(), classes: model.classes };
                for (name, positions) in splits.iter().filter(|(name, _)| std::ptr::eq(part_of(data, *name), samples)) {
                    if let Err(why) = all[i].insert(*name, gather(&outputs, positions)) {
                        failed[i].get_or_insert(why);
                    }
                }
            }
        }
        return Ok(all.into_iter().zip(failed).map(|(done, why)| why.map_or(Ok(done), Err)).collect());
    };
    let labels = graph.graphs.as_ref().map_or(&graph.labels, |graphs| &graphs.labels);
    let ids: Vec<u32> = (0..labels.len() as u32).collect();
    let mut session = Session::on_graph(engine, model, graph, target.and_then(Target::deletion), first.theta)?;
    let mut all = Vec::new();
    for reading in readings {
        session.write_theta(reading.theta)?;
        let mut read = |part| {
            let logits = session.logits(Records { part, indices: &ids })?;
            Ok::<_, Error>(Outputs { logits, labels: labels.clone(), classes: model.classes })
        };
        let before = read(Part::Before)?;
        let now =
            if reading.forgot && target.is_some_and(|t| t.graph.is_some()) { Some(read(Part::Train)?) } else { None };
        let gone = |id: &u32| target.and_then(Target::deletion).is_some_and(|d| d.nodes.binary_search(id).is_ok());
        let mut evaluation = Evaluation::new();
        let mut outcome = Ok(());
        for (name, ids) in &splits {
            // Deleted nodes are fed on the graph that still has them; there is nothing to feed on the other.
            let (of_before, of_now): (Vec<u32>, Vec<u32>) = ids.iter().partition(|id| now.is_none() || gone(id));
            let mut outputs = gather(&before, &of_before);
            if let Some(now) = &now {
                outputs.extend(&gather(now, &of_now));
            }
            outcome = outcome.and(evaluation.insert(*name, outputs));
        }
        all.push(outcome.map(|()| evaluation));
    }
    Ok(all)
}

/// Ids of the records of each split.
fn splits(data: &Dataset, target: Option<&Target>) -> Vec<(SplitName, Vec<u32>)> {
    let ids = |samples: &Samples, of: fn(&GraphData) -> &Vec<u32>| match &data.graph {
        Some(graph) => of(graph).clone(),
        None => (0..samples.len() as u32).collect(),
    };
    let mut all = vec![
        (SplitName::Train, ids(&data.train, |g| &g.train)),
        (SplitName::Validation, ids(&data.validation, |g| &g.validation)),
        (SplitName::Test, ids(&data.test, |g| &g.test)),
    ];
    if let Some(target) = target {
        all.push((SplitName::Retain, target.split.retain.clone()));
        all.push((SplitName::Forget, target.split.forget.clone()));
    }
    all
}

/// The part of a data set without a graph that a split is in.
fn part_of(data: &Dataset, split: SplitName) -> &Samples {
    match split {
        SplitName::Train | SplitName::Retain | SplitName::Forget => &data.train,
        SplitName::Validation => &data.validation,
        SplitName::Test => &data.test,
    }
}

fn gather(all: &Outputs, positions: &[u32]) -> Outputs {
    let mut some = Outputs { classes: all.classes, ..Outputs::default() };
    for &at in positions {
        some.logits.extend_from_slice(all.row(at as usize));
        some.labels.push(all.labels[at as usize]);
    }
    some
}

/// What `unlearn eval` is asked for.
pub struct EvalJob<'a> {
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
        for other in references.iter().chain(&original) {
            if other.info.data != run.info.data {
                return Err(Error::input(format!(
                    "{} and {} were not made from the same data and splits; they cannot be compared",
                    run.folder.path.display(),
                    other.folder.path.display()
                )));
            }
        }
        let given = self.request.map(read_requests).transpose()?;
        let known = given.as_ref().or(run.requests.as_ref());
        let known = known.or_else(|| references.iter().find_map(|reference| reference.requests.as_ref()));
        let target = known.map(|requests| Target::of(requests, &run.data, &run.model, run.config.seed)).transpose()?;
        Ok(EvalInputs { run, references, original, target })
    }
}

impl EvalInputs {
    /// Runs the models and measures: the document of `unlearn eval`.
    ///
    /// # Errors
    /// A model that diverged; a lost device.
    pub fn measure(&self, engine: &mut Engine) -> Result<Value> {
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
            "model_sha256": self.run.model_sha256()?,
        });
        merge(&mut document, metrics.to_json());
        if let Some(original) = &self.original {
            let outputs = self.on(engine, original)?;
            let before = measure(&Subject { now: &outputs, references: &references, forgotten_classes })?;
            document["original"] = before.to_json();
            if let Some(judged) = self.judge(&metrics, &before, &now, &outputs, &references)? {
                document["verdict"] = judged;
            }
        }
        Ok(document)
    }

    fn on(&self, engine: &mut Engine, run: &Opened) -> Result<Evaluation> {
        let theta = run.theta()?;
        let reading = Reading { theta: &theta, forgot: run.info.forget.is_some() };
        let mut all = evaluate(engine, &run.model, &run.data, self.target.as_ref(), &[reading])?;
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
    ) -> Result<Option<Value>> {
        let Some(target) = self.target.as_ref().filter(|_| references.len() >= 2) else { return Ok(None) };
        let forgotten_classes = target.classes.as_slice();
        let scope = if forgotten_classes.is_empty() { RequestScope::Records } else { RequestScope::Classes };
        let (kept, another) = match references {
            [kept @ .., last] if kept.len() >= 2 => (kept, Some(*last)),
            all => (all, None),
        };
        let against = |now| measure(&Subject { now, references: kept, forgotten_classes });
        // With a reference held out, everything is measured again, against those that are left.
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
            cost: Cost::default(),
        };
        let judged = serde_json::to_value(verdict(&evidence));
        judged.map(Some).map_err(|e| Error::internal(format!("a verdict cannot be written: {e}")))
    }
}

fn merge(into: &mut Value, from: Value) {
    if let (Value::Object(into), Value::Object(from)) = (into, from) {
        into.extend(from);
    }
}
