//! Reads `assets/parity/graph`: graph networks with everything that PyTorch Geometric computed for them in float64.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::files::{self, Folder, Tensor};
use crate::error::{Error, Result};
use crate::nn::Model;

/// What a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Task {
    /// A training node.
    Node,
    /// One graph of a batch.
    Graph,
}

/// One graph network, its graph and the tensors of `tools/parity/README.md`.
pub struct GraphFixture {
    /// Stem of its files.
    pub name: String,
    /// What is predicted.
    pub task: Task,
    /// The network.
    pub model: Model,
    /// Nodes of the graph.
    pub nodes: usize,
    /// Width of a node's features.
    pub features: usize,
    /// [source, target], distinct, ascending by (target, source); both directions of an undirected edge.
    pub edges: Vec<[u32; 2]>,
    /// [nodes, features], mostly 0.
    pub x: Vec<f32>,
    /// The class of each node, or of each graph.
    pub labels: Vec<u32>,
    /// Ids of the training nodes, ascending; empty where records are graphs.
    pub train: Vec<u32>,
    /// The graph of each node, ascending; all 0 where records are nodes.
    pub batch: Vec<u32>,
    /// What PyTorch computed, by name.
    pub tensors: BTreeMap<String, Tensor>,
}

#[derive(Deserialize)]
struct Manifest {
    models: BTreeMap<String, Entry>,
}

#[derive(Deserialize)]
struct Entry {
    task: Task,
    config: String,
    tensors: String,
    nodes: usize,
    edges: usize,
    features: usize,
    classes: usize,
    records: usize,
    parameters: usize,
}

/// Reads every graph fixture of a folder.
///
/// # Errors
/// A file is missing, is not the one whose SHA-256 the manifest states, or does not describe the network it belongs to.
pub fn load_graphs(dir: &Path) -> Result<Vec<GraphFixture>> {
    let (folder, manifest) = Folder::open::<Manifest>(dir)?;
    manifest.models.iter().map(|(name, entry)| GraphFixture::read(&folder, name, entry)).collect()
}

/// The integers of a tensor; none if there is no such tensor.
fn integers(tensors: &BTreeMap<String, Tensor>, name: &str) -> Vec<u32> {
    tensors.get(name).map(|t| t.values.iter().map(|v| *v as u32).collect()).unwrap_or_default()
}

/// Pairs of the two rows of `edges` [2, E], by target.
fn by_target(edges: &[u32]) -> Vec<[u32; 2]> {
    let (sources, targets) = edges.split_at(edges.len() / 2);
    let mut pairs: Vec<[u32; 2]> = sources.iter().zip(targets).map(|(s, t)| [*s, *t]).collect();
    pairs.sort_unstable_by_key(|[s, t]| (*t, *s));
    pairs
}

impl GraphFixture {
    fn read(folder: &Folder, name: &str, entry: &Entry) -> Result<GraphFixture> {
        let tensors = folder.tensors(&entry.tensors)?;
        let batch = match entry.task {
            Task::Graph => integers(&tensors, "batch"),
            Task::Node => vec![0; entry.nodes],
        };
        let fixture = GraphFixture {
            name: name.to_owned(),
            task: entry.task,
            model: folder.model(&entry.config, &[entry.features], entry.classes)?,
            nodes: entry.nodes,
            features: entry.features,
            edges: by_target(&integers(&tensors, "edges")),
            x: tensors.get("x").map(Tensor::f32).unwrap_or_default(),
            labels: integers(&tensors, "y"),
            train: integers(&tensors, "train"),
            batch,
            tensors,
        };
        fixture.check(entry)?;
        Ok(fixture)
    }

    /// Sizes must be those of the manifest, ids must exist, and the parameters must be the network's.
    fn check(&self, entry: &Entry) -> Result<()> {
        let bad = |what: String| Err(Error::input(format!("parity fixture {}: {what}", self.name)));
        let (nodes, graphs) = (self.nodes as u32, self.batch.last().map_or(0, |g| *g as usize + 1));
        let records = if self.task == Task::Node { self.train.len() } else { graphs };
        let labels = if self.task == Task::Node { self.nodes } else { graphs };
        let found = [self.x.len(), self.edges.len(), self.batch.len(), records, self.labels.len()];
        let stated = [entry.nodes * entry.features, entry.edges, entry.nodes, entry.records, labels];
        if found != stated {
            return bad(format!("features, edges, nodes, records and labels are {found:?}, expected {stated:?}"));
        }
        let ascending = self.train.is_sorted_by(|a, b| a < b) && self.batch.is_sorted();
        let distinct = self.edges.windows(2).all(|w| w[0] != w[1]);
        let known = self.edges.iter().flatten().chain(&self.train).all(|id| *id < nodes);
        if !(ascending && distinct && known && self.labels.iter().all(|y| (*y as usize) < entry.classes)) {
            return bad("an id or a label out of range or order, or an edge given twice".into());
        }
        files::check_parameters(&self.model, &self.tensors, entry.parameters).or_else(bad)
    }

    /// Training nodes or graphs.
    pub fn records(&self) -> usize {
        match self.task {
            Task::Node => self.train.len(),
            Task::Graph => self.labels.len(),
        }
    }

    /// A tensor by its name in the file.
    ///
    /// # Errors
    /// There is none of that name.
    pub fn tensor(&self, name: &str) -> Result<&Tensor> {
        files::tensor(&self.name, &self.tensors, name)
    }

    /// The flat parameter vector that everything starts from.
    ///
    /// # Errors
    /// The fixture lacks a parameter.
    pub fn theta(&self) -> Result<Vec<f32>> {
        files::flat(&self.model.layout, "param", |name| self.tensor(name))
    }
}
