//! Runs models over every split and records what they say.

use super::links::on_links;
use super::target::Target;
use crate::data::{Dataset, GraphData, Samples};
use crate::engine::Engine;
use crate::error::Result;
use crate::eval::graph::likeness;
use crate::eval::{Evaluation, GraphFacts, Outputs, SplitName};
use crate::nn::Model;
use crate::records::{Part, Records, Session};
use crate::statistics;

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
    match (&data.graph, data.links()) {
        (Some(graph), Some(links)) => on_links(engine, model, (graph, links), target, readings),
        (Some(graph), None) => on_graph(engine, model, graph, target, readings),
        (None, _) => on_records(engine, model, data, target, readings),
    }
}

fn on_records(
    engine: &mut Engine,
    model: &Model,
    data: &Dataset,
    target: Option<&Target>,
    readings: &[Reading],
) -> Result<Vec<Result<Evaluation>>> {
    let train = outputs(engine, model, &data.train, readings)?;
    let validation = outputs(engine, model, &data.validation, readings)?;
    let test = outputs(engine, model, &data.test, readings)?;
    let each = train.into_iter().zip(validation).zip(test);
    Ok(each
        .map(|((train, validation), test)| {
            let mut evaluation = Evaluation::new();
            if let Some(target) = target {
                evaluation.insert(SplitName::Retain, gather(|_| &train, train.classes, &target.split.retain))?;
                evaluation.insert(SplitName::Forget, gather(|_| &train, train.classes, &target.split.forget))?;
            }
            evaluation.insert(SplitName::Train, train)?;
            evaluation.insert(SplitName::Validation, validation)?;
            evaluation.insert(SplitName::Test, test)?;
            Ok(evaluation)
        })
        .collect())
}

/// The outputs of each model on one part; nothing for an empty part.
fn outputs(engine: &mut Engine, model: &Model, samples: &Samples, readings: &[Reading]) -> Result<Vec<Outputs>> {
    let classes = model.classes;
    let Some(first) = readings.first().filter(|_| !samples.is_empty()) else {
        return Ok(vec![Outputs { classes, ..Outputs::default() }; readings.len()]);
    };
    let indices: Vec<u32> = (0..samples.len() as u32).collect();
    let mut session = Session::new(engine, model, samples, &Samples::default(), first.theta)?;
    let mut all = Vec::new();
    for reading in readings {
        session.write_theta(reading.theta)?;
        let logits = statistics::logits(&mut session, Records::train(&indices))?;
        all.push(Outputs { logits, labels: samples.y.clone(), classes });
    }
    Ok(all)
}

fn on_graph(
    engine: &mut Engine,
    model: &Model,
    graph: &GraphData,
    target: Option<&Target>,
    readings: &[Reading],
) -> Result<Vec<Result<Evaluation>>> {
    let Some(first) = readings.first() else { return Ok(Vec::new()) };
    let labels = graph.graphs.as_ref().map_or(&graph.labels, |graphs| &graphs.labels);
    let ids: Vec<u32> = (0..labels.len() as u32).collect();
    let deletion = target.and_then(Target::deletion);
    let witness = Witness::of(graph, target);
    let mut session = Session::on_graph(engine, model, graph, deletion, first.theta)?;
    let mut all = Vec::new();
    for reading in readings {
        session.write_theta(reading.theta)?;
        let mut read = |part| {
            let logits = statistics::logits(&mut session, Records { part, indices: &ids })?;
            Ok::<_, crate::error::Error>(Outputs { logits, labels: labels.clone(), classes: model.classes })
        };
        let before = read(Part::Before)?;
        let now = if reading.forgot && deletion.is_some() { Some(read(Part::Train)?) } else { None };
        let mut evaluation = Evaluation::new();
        let mut outcome = Ok(());
        for (name, ids) in splits(graph, target) {
            // Deleted nodes are fed on the graph that still has them: on the other there is nothing to feed.
            let gone = |id: u32| deletion.is_some_and(|d| d.nodes.binary_search(&id).is_ok());
            let source = |id: u32| now.as_ref().filter(|_| !gone(id)).unwrap_or(&before);
            outcome = outcome.and(evaluation.insert(name, gather(source, model.classes, &ids)));
        }
        if let Some(witness) = &witness {
            evaluation.set_graph(witness.facts(now.as_ref().unwrap_or(&before)));
        }
        all.push(outcome.map(|()| evaluation));
    }
    Ok(all)
}

/// Ids of the records of each split.
fn splits(graph: &GraphData, target: Option<&Target>) -> Vec<(SplitName, Vec<u32>)> {
    let mut all = vec![
        (SplitName::Train, graph.train.clone()),
        (SplitName::Validation, graph.validation.clone()),
        (SplitName::Test, graph.test.clone()),
    ];
    if let Some(target) = target {
        all.push((SplitName::Retain, target.split.retain.clone()));
        all.push((SplitName::Forget, target.split.forget.clone()));
    }
    all
}

/// The outputs of some records, each from where `source` says.
fn gather<'a>(source: impl Fn(u32) -> &'a Outputs, classes: usize, positions: &[u32]) -> Outputs {
    let mut some = Outputs { classes, ..Outputs::default() };
    for &at in positions {
        let all = source(at);
        some.logits.extend_from_slice(all.row(at as usize));
        some.labels.push(all.labels[at as usize]);
    }
    some
}

/// What every model is asked about a request on a graph.
struct Witness {
    test_hops: Vec<u32>,
    /// Pairs of which the request deletes the edge, and as many that never had one.
    deleted: Vec<[u32; 2]>,
    never: Vec<[u32; 2]>,
    planted: Option<u32>,
}

impl Witness {
    fn of(data: &GraphData, target: Option<&Target>) -> Option<Witness> {
        let target = target?.graph.as_ref()?;
        let deletion = &target.deletion;
        let test_hops = data.test.iter().map(|id| target.hops[*id as usize]).collect();
        // The edges of a deleted node are no secret of their own.
        let stays = |v: u32| deletion.nodes.binary_search(&v).is_err();
        let once = |[u, v]: &&[u32; 2]| stays(*u) && stays(*v) && u != v && (u < v || !data.graph.undirected);
        let deleted: Vec<[u32; 2]> = deletion.edges.iter().filter(once).copied().collect();
        let never = strangers(data, deleted.len());
        let all_planted = !deletion.nodes.is_empty() && deletion.nodes.iter().all(|v| data.planted.contains(v));
        let planted = all_planted.then(|| data.labels[deletion.nodes[0] as usize]);
        Some(Witness { test_hops, deleted, never, planted })
    }

    fn facts(&self, outputs: &Outputs) -> GraphFacts {
        let alike = |pairs: &[[u32; 2]]| {
            let each = pairs.iter().map(|[u, v]| likeness(outputs.row(*u as usize), outputs.row(*v as usize)));
            each.collect()
        };
        GraphFacts {
            test_hops: self.test_hops.clone(),
            deleted_edges: alike(&self.deleted),
            never_edges: alike(&self.never),
            planted: self.planted,
        }
    }
}

/// Pairs that never had an edge, held-out ones included; the same for every model.
pub(super) fn strangers(data: &GraphData, count: usize) -> Vec<[u32; 2]> {
    data.graph.strangers(count, 0, |u, v| data.links.as_ref().is_some_and(|links| links.holds(u, v)))
}
