//! GraphEraser (Chen et al., "Graph unlearning", CCS 2022): what an ensemble over the shards of a graph has of its own.

use std::collections::BTreeSet;
use std::path::Path;

use super::aggregator;
use crate::data::{Deletion, GraphData, Request};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::run::config::{Aggregate, Config, DividedGraph, EnsembleKind, without};
use crate::run::folder::RunFolder;
use crate::run::info::{DivisionInfo, EnsembleInfo, RunInfo};

/// What a division goes on telling that read all nodes.
pub(super) const LEAK: &str = "the division into shards was made with all training nodes, and where the retained \
                               ones are goes on telling of the others";

/// Whether an ensemble's members are shards of a graph.
pub(super) fn is_graph(config: &Config) -> bool {
    config.ensemble.as_ref().is_some_and(|ensemble| ensemble.kind == EnsembleKind::GraphEraser)
}

/// What is known of the division, and the weights of the members, learned anew on what `requests` leave.
pub(super) fn add_graph(
    engine: &mut Engine,
    config: &Config,
    (folder, members): (&RunFolder, &[RunInfo]),
    requests: &[Request],
    ensemble: &mut EnsembleInfo,
) -> Result<()> {
    let Some(own) = config.ensemble.as_ref().filter(|_| is_graph(config)) else { return Ok(()) };
    let mut division = division(&config.divided_graph()?);
    division.leak = own.partition.reads_others().then(|| LEAK.to_owned());
    ensemble.division = Some(division);
    if own.aggregate == Aggregate::Learned {
        let folders = folder.members(members.len()).into_iter().zip(members.iter().cloned());
        let fitted = aggregator::fit(engine, config, &folders.collect::<Vec<_>>(), requests)?;
        aggregator::save(folder, &fitted)?;
        ensemble.aggregator = Some(fitted);
    }
    Ok(())
}

fn division(whole: &DividedGraph) -> DivisionInfo {
    let train = whole.data.train_ids();
    let shard = |id: &u32| train.binary_search(id).ok().map(|at| whole.shards[at]);
    let edges = whole.data.graph.as_ref().map_or(Vec::new(), |graph| graph.graph.distinct_edges());
    let pairs = edges.iter().filter(|[u, v]| u != v).filter_map(|[u, v]| Some((shard(u)?, shard(v)?)));
    let (edges, kept) = pairs.fold((0, 0), |(all, kept), (u, v)| (all + 1, kept + usize::from(u == v)));
    DivisionInfo { edges, kept, leak: None }
}

/// The members whose training data a request changes, of a graph from which `earlier` ones were taken.
pub(super) fn hit(config: &Config, earlier: &[Request], requests: &[Request]) -> Result<Vec<usize>> {
    let DividedGraph { mut data, shards } = config.divided_graph()?;
    let train = data.train_ids();
    if let Some((deletion, retain)) = without(earlier, &data)? {
        data.lose(&deletion, &retain);
    }
    let (taken, retain) = without(requests, &data)?.unwrap_or_default();
    let Some(graph) = &data.graph else { return Ok(Vec::new()) };
    let count = config.ensemble.as_ref().map_or(0, |ensemble| ensemble.shards);
    let classes = |nodes: &[u32]| nodes.iter().map(|id| graph.labels[*id as usize]).collect::<BTreeSet<u32>>();
    if classes(&graph.train) != classes(&retain) {
        // Every member has an output for each class.
        return Ok((0..count).collect());
    }
    let stays = |id: &u32| graph.train.binary_search(id).is_ok();
    let own = |shard: usize| {
        let all = train.iter().zip(&shards).filter(|(_, of)| **of == shard).map(|(id, _)| *id);
        all.filter(stays).collect::<Vec<u32>>()
    };
    Ok((0..count).filter(|shard| changes(graph, &own(*shard), &taken)).collect())
}

/// Whether a deletion takes something of a shard: a node, an edge within it or a feature that one of its nodes has.
fn changes(graph: &GraphData, own: &[u32], taken: &Deletion) -> bool {
    let mine = |id: &u32| own.binary_search(id).is_ok();
    let has = |id: u32, column: u32| {
        graph
            .graph
            .features
            .find(column)
            .is_some_and(|column| graph.graph.features.row(id as usize).0.binary_search(&column).is_ok())
    };
    taken.nodes.iter().any(mine)
        || taken.edges.iter().any(|[u, v]| mine(u) && mine(v))
        || taken.feature_rows.iter().any(|id| mine(id) && !graph.graph.features.row(*id as usize).0.is_empty())
        || taken.feature_entries.iter().any(|[id, column]| mine(id) && has(*id, *column))
        || taken.feature_columns.iter().any(|column| own.iter().any(|id| has(*id, *column)))
}

/// Refuses a method that an ensemble of this kind is not made to forget by.
pub(in crate::run) fn check_method(config: &Config, run: &Path, method: &str) -> Result<()> {
    let own = match config.ensemble.as_ref().map(|ensemble| ensemble.kind) {
        Some(EnsembleKind::GraphEraser) => "graph_eraser",
        _ => "sisa",
    };
    if [own, "retrain"].contains(&method) {
        return Ok(());
    }
    Err(Error::input(format!(
        "method `{method}` works on one network, and {} is an ensemble of another kind; use {own} or retrain, or give \
         the folder of a member",
        run.display()
    )))
}
