//! The task `link`: edges are the records. Some are held out with as many pairs that never had one, and the graph keeps
//! the others, so that nothing held out carries a message.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::assemble::on_graph;
use super::{Graph, GraphData, GraphParts, GraphRecords, UNLABELLED};
use crate::base::splitmix::SplitMix64;
use crate::data::{DataConfig, Dataset, Normalize, Place, Portion, Samples};
use crate::error::{Error, Result};

/// The key `task`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// What class is a node of?
    #[default]
    Node,
    /// Is there an edge between two nodes?
    Link,
}

/// Pairs [u, v], u < v, that training does not see; ascending. All five lists, with the edges of the graph, are
/// disjoint.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Links {
    /// Held-out edges for validation; they carry no message.
    pub validation: Vec<[u32; 2]>,
    /// Held-out edges for the test; they carry no message.
    pub test: Vec<[u32; 2]>,
    /// As many pairs that have no edge in the whole graph.
    pub validation_never: Vec<[u32; 2]>,
    /// Pairs without an edge for the test, as many as there are test edges.
    pub test_never: Vec<[u32; 2]>,
}

/// Stream of the pairs without an edge, apart from the split's.
const NEVER: u64 = 0x6e65_7665_725f_6564;

/// Refuses keys of `[data]` that say something of nodes as records.
pub(crate) fn check_keys(config: &DataConfig) -> Result<()> {
    if config.task != Some(Task::Link) {
        return Ok(());
    }
    let stray =
        [("split", config.split.is_some()), ("plant", config.plant.is_some()), ("poison", config.poison.is_some())];
    match stray.iter().find(|(_, set)| *set) {
        Some((key, _)) => Err(Error::input(format!(
            "data.{key}: goes with task = \"node\"; task = \"link\" divides edges, by test_fraction and \
                validation_fraction"
        ))),
        None if config.directed == Some(true) => Err(Error::input(
            "data.directed: task = \"link\" needs an undirected graph, for a dot product scores both directions alike",
        )),
        None => Ok(()),
    }
}

impl Links {
    /// Whether the pair is an edge that is held out.
    pub fn holds(&self, u: u32, v: u32) -> bool {
        self.place([u.min(v), u.max(v)]).is_some()
    }

    /// Where a held-out edge is.
    pub fn place(&self, pair: [u32; 2]) -> Option<Place> {
        let lists = [(Portion::Validation, &self.validation), (Portion::Test, &self.test)];
        lists.into_iter().find_map(|(portion, pairs)| {
            let position = pairs.binary_search(&pair).ok()? as u32;
            Some(Place { portion, position })
        })
    }

    /// A held-out edge along which the graph would carry messages.
    pub fn leak(&self, graph: &Graph) -> Option<[u32; 2]> {
        graph.edges.iter().copied().find(|[u, v]| self.holds(*u, *v))
    }

    /// Takes ⌈fraction · edges⌉ for each part out of the graph. Self-loops are no links and leave it too.
    fn draw(graph: &mut Graph, config: &DataConfig, origin: &str) -> Result<Links> {
        let (test, validation) = (config.test_fraction.unwrap_or(0.0), config.validation_fraction.unwrap_or(0.0));
        if !(test >= 0.0 && validation >= 0.0 && test + validation < 1.0) {
            return Err(Error::input(format!(
                "data.test_fraction {test} and data.validation_fraction {validation} are parts of all edges; expected \
                    at least 0 each and less than 1 together"
            )));
        }
        let seed = config.split_seed.unwrap_or(0);
        let mut all: Vec<[u32; 2]> = graph.edges.iter().copied().filter(|[u, v]| u < v).collect();
        SplitMix64::new(seed).shuffle(&mut all);
        // The small slack keeps 0.1 · 30 at 3 although its product is a little above.
        let count = |fraction: f64| (fraction * all.len() as f64 - 1e-9).ceil().max(0.0) as usize;
        let (test, validation) = (count(test), count(validation));
        if test + validation >= all.len() {
            return Err(Error::input(format!(
                "{origin}: none of the {} edges remains to train on; lower data.test_fraction or \
                    data.validation_fraction",
                all.len()
            )));
        }
        let mut never = graph.strangers(test + validation, seed ^ NEVER, |_, _| false);
        if never.len() < test + validation {
            return Err(Error::input(format!(
                "{origin}: the graph is too dense for {} pairs without an edge; lower data.test_fraction",
                test + validation
            )));
        }
        let train: BTreeSet<[u32; 2]> = all.split_off(test + validation).into_iter().collect();
        graph.keep_edges(|u, v| train.contains(&[u.min(v), u.max(v)]));
        let sorted = |mut pairs: Vec<[u32; 2]>| {
            pairs.sort_unstable();
            pairs
        };
        let (valid, valid_never) = (all.split_off(test), never.split_off(test));
        Ok(Links {
            validation: sorted(valid),
            test: sorted(all),
            validation_never: sorted(valid_never),
            test_never: sorted(never),
        })
    }
}

/// The data set whose records are pairs: the training edges in the order of [`Graph::distinct_edges`], and of the other
/// parts the edges and then the pairs without one.
pub(super) fn dataset(mut parts: GraphParts, config: &DataConfig, kind: Normalize) -> Result<Dataset> {
    if !parts.graph.undirected {
        return Err(Error::input(format!(
            "{}: task = \"link\" needs an undirected graph, for a dot product scores both directions alike",
            parts.origin
        )));
    }
    let links = Links::draw(&mut parts.graph, config, &parts.origin)?;
    let graph = parts.graph;
    let part =
        |edges: usize, never: usize| Samples { y: [vec![1; edges], vec![0; never]].concat(), ..Samples::default() };
    let (train, validation, test) = (
        part(graph.edges.len() / 2, 0),
        part(links.validation.len(), links.validation_never.len()),
        part(links.test.len(), links.test_never.len()),
    );
    let ids = |part: &Samples| (0..part.len() as u32).collect();
    let data = GraphData {
        labels: vec![UNLABELLED; graph.nodes],
        train: ids(&train),
        validation: ids(&validation),
        test: ids(&test),
        records: GraphRecords::Links,
        held_out: links,
        names: parts.names,
        graph,
        ..GraphData::default()
    };
    let class_names = vec!["no edge".into(), "edge".into()];
    Ok(on_graph(parts.name, class_names, [train, validation, test], kind, data))
}
