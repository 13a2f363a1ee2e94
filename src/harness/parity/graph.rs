//! Reads `assets/parity/graph`: graph networks with everything that PyTorch Geometric computed for them in float64.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::fixture::{Tensor, read_checked, tensors};
use crate::error::{Error, Result};
use crate::nn::{Model, ModelConfig};

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
    pub name: String,
    pub task: Task,
    pub model: Model,
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
    pub tensors: BTreeMap<String, Tensor>,
}

#[derive(Deserialize)]
struct Manifest {
    schema: u32,
    models: BTreeMap<String, Entry>,
    sha256: BTreeMap<String, String>,
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    model: ModelConfig,
}

/// Reads every graph fixture of a folder.
///
/// # Errors
/// A file is missing, is not the one whose SHA-256 the manifest states, or does not describe the network it belongs to.
pub fn load_graphs(dir: &Path) -> Result<Vec<GraphFixture>> {
    let path = dir.join("MANIFEST.toml");
    let text = std::fs::read_to_string(&path).map_err(Error::io("read", &path))?;
    let manifest: Manifest =
        toml::from_str(&text).map_err(|e| Error::input(format!("{}: {}", path.display(), e.message())))?;
    if manifest.schema != 1 {
        return Err(Error::input(format!("{}: schema is {}, this build reads 1", path.display(), manifest.schema)));
    }
    manifest.models.iter().map(|(name, entry)| GraphFixture::read(dir, &manifest.sha256, name, entry)).collect()
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
    fn read(dir: &Path, sha256: &BTreeMap<String, String>, name: &str, entry: &Entry) -> Result<GraphFixture> {
        let text = String::from_utf8_lossy(&read_checked(dir, sha256, &entry.config)?).into_owned();
        let config: Config =
            toml::from_str(&text).map_err(|e| Error::input(format!("{}: {}", entry.config, e.message())))?;
        let tensors = tensors(&entry.tensors, &read_checked(dir, sha256, &entry.tensors)?)?;
        let batch = match entry.task {
            Task::Graph => integers(&tensors, "batch"),
            Task::Node => vec![0; entry.nodes],
        };
        let fixture = GraphFixture {
            name: name.to_owned(),
            task: entry.task,
            model: Model::build(&config.model, &[entry.features], entry.classes)?,
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
        let layout = &self.model.layout;
        let ours: BTreeMap<_, _> = layout.entries().iter().map(|e| (e.name.as_str(), &e.shape)).collect();
        let stored = self.tensors.iter().filter_map(|(n, t)| Some((n.strip_prefix("param.")?, &t.shape)));
        let theirs: BTreeMap<_, _> = stored.collect();
        if ours != theirs || layout.count() != entry.parameters {
            return bad(format!("parameters are {theirs:?}, the network's {ours:?}"));
        }
        Ok(())
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
        let found = self.tensors.get(name);
        found.ok_or_else(|| Error::input(format!("parity fixture {} has no tensor `{name}`", self.name)))
    }

    /// The flat parameter vector that everything starts from.
    ///
    /// # Errors
    /// The fixture lacks a parameter.
    pub fn theta(&self) -> Result<Vec<f32>> {
        let mut theta = vec![0.0; self.model.layout.total()];
        for e in self.model.layout.entries() {
            let values = self.tensor(&format!("param.{}", e.name))?.f32();
            theta[e.offset..e.offset + e.len].copy_from_slice(&values);
        }
        Ok(theta)
    }
}
