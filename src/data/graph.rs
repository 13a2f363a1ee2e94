//! Graphs: nodes with sparse features, directed edges, the parts of a task on them, and what a request deletes.
//!
//! Every list of nodes holds node ids, `0..nodes`, never places in a list of training nodes.

mod assemble;
mod communities;
mod content;
pub(crate) mod cora;
mod edge_data;
pub(crate) mod edge_list;
pub(crate) mod graph_npz;
mod induced;
pub(crate) mod karate;
mod lines;
pub(crate) mod links;
pub(crate) mod linqs;
mod node_labels;
pub(crate) mod ogb;
pub(crate) mod partition;
pub(crate) mod planetoid;
mod plant;
pub(crate) mod present;
mod reach;
mod records;
pub(crate) mod sbm;
mod shards;
pub(crate) mod tudataset;
mod vocabulary;

pub(crate) use assemble::{GraphParts, Graphs, dataset};
pub use communities::cap;
pub use edge_data::EdgeData;
pub use links::{Links, Task};
pub use partition::NodeSplit;
pub use plant::Poison;
pub use present::{Event, EventKind, read_events};
pub use shards::GraphDivision;

use std::collections::BTreeSet;

use crate::base::splitmix::SplitMix64;
use crate::error::{Error, Result};

/// Keys of every loader whose records are nodes.
pub(crate) const NODE_KEYS: &[&str] = &[
    "task",
    "split",
    "normalize",
    "test_fraction",
    "validation_fraction",
    "split_seed",
    "plant",
    "poison",
    "events",
    "until",
];

/// A wider matrix of features is taken for a slip.
pub(crate) const MOST_COLUMNS: usize = 1 << 24;

/// The label of a node that has none.
pub const UNLABELLED: u32 = u32::MAX;

/// Node features `[nodes, width]` as compressed sparse rows: `col[ptr[i]..ptr[i + 1]]` ascending, values not 0.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sparse {
    /// Number of columns.
    pub width: usize,
    /// `[nodes + 1]`
    pub ptr: Vec<u32>,
    /// Columns of the values, ascending within a row, \[nonzeros\].
    pub col: Vec<u32>,
    /// The values, \[nonzeros\].
    pub val: Vec<f32>,
    /// What requests call each column, ascending, where that is not its number: some columns of the files are left out.
    pub called: Option<Vec<u32>>,
}

impl Sparse {
    /// From one list of (column, value) a row. Columns may come in any order; values of one column add up, as SciPy's
    /// do.
    pub fn from_rows(width: usize, rows: impl IntoIterator<Item = Vec<(u32, f32)>>) -> Sparse {
        let mut out = Sparse { width, ptr: vec![0], ..Sparse::default() };
        for mut row in rows {
            row.sort_by_key(|(col, _)| *col);
            for same in row.chunk_by(|a, b| a.0 == b.0) {
                let value: f32 = same.iter().map(|(_, value)| value).sum();
                if value != 0.0 {
                    out.col.push(same[0].0);
                    out.val.push(value);
                }
            }
            out.ptr.push(out.col.len() as u32);
        }
        out
    }

    /// One column a row with the value 1: features of nodes that have none of their own.
    pub fn identity(rows: usize) -> Sparse {
        Sparse::from_rows(rows, (0..rows as u32).map(|row| vec![(row, 1.0)]))
    }

    /// What requests call a column.
    pub fn called(&self, column: u32) -> u32 {
        self.called.as_ref().map_or(column, |called| called[column as usize])
    }

    /// The column that requests call so, where it is there.
    pub fn find(&self, called: u32) -> Option<u32> {
        match &self.called {
            None => Some(called).filter(|column| (*column as usize) < self.width),
            Some(all) => all.binary_search(&called).ok().map(|column| column as u32),
        }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.ptr.len().saturating_sub(1)
    }

    /// Columns and values of a row.
    pub fn row(&self, row: usize) -> (&[u32], &[f32]) {
        let range = self.ptr[row] as usize..self.ptr[row + 1] as usize;
        (&self.col[range.clone()], &self.val[range])
    }

    /// Divides every row by its sum; a row whose sum is 0 stays.
    pub(crate) fn normalize_rows(&mut self) {
        for row in 0..self.rows() {
            let values = &mut self.val[self.ptr[row] as usize..self.ptr[row + 1] as usize];
            let sum: f64 = values.iter().map(|&v| f64::from(v)).sum();
            if sum != 0.0 {
                values.iter_mut().for_each(|v| *v = (f64::from(*v) / sum) as f32);
            }
        }
    }

    /// The entries for which `keep(row, column)` holds.
    pub(crate) fn filter(&self, keep: impl Fn(u32, u32) -> bool) -> Sparse {
        let rows = (0..self.rows()).map(|row| {
            let (col, val) = self.row(row);
            col.iter().copied().zip(val.iter().copied()).filter(|(col, _)| keep(row as u32, *col)).collect()
        });
        Sparse { called: self.called.clone(), ..Sparse::from_rows(self.width, rows) }
    }
}

/// A graph, or many graphs side by side as one block-diagonal graph.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Graph {
    /// Number of nodes; ids are below it.
    pub nodes: usize,
    /// Directed `[source, target]`, sorted by (target, source), distinct. A self-loop is there only if the data has it.
    pub edges: Vec<[u32; 2]>,
    /// Every edge is there in both directions.
    pub undirected: bool,
    /// Features of every node, [nodes, features].
    pub features: Sparse,
    /// Weights and features of edges.
    pub edge_data: EdgeData,
}

impl Graph {
    /// A graph of `pairs` `[source, target]` in any order; repeats are dropped, and an undirected graph gets both
    /// directions of each.
    ///
    /// # Errors
    /// [`Error::Input`] for an edge to an unknown node.
    pub fn new(nodes: usize, pairs: Vec<[u32; 2]>, undirected: bool, features: Sparse) -> Result<Graph> {
        if let Some([u, v]) = pairs.iter().find(|pair| pair.iter().any(|&node| node as usize >= nodes)) {
            return Err(Error::input(format!(
                "edge [{u},{v}] goes to an unknown node; there are {nodes} nodes, 0 to {}",
                nodes.saturating_sub(1)
            )));
        }
        let mut edges = pairs;
        if undirected {
            let back: Vec<[u32; 2]> = edges.iter().map(|&[u, v]| [v, u]).collect();
            edges.extend(back);
        }
        edges.sort_unstable_by_key(|&[source, target]| (target, source));
        edges.dedup();
        Ok(Graph { nodes, edges, undirected, features, edge_data: EdgeData::default() })
    }

    /// Distinct pairs, smaller node first, without an edge either way and not `taken`, in the order of a seeded draw;
    /// fewer than `count` where the graph has hardly any.
    pub fn strangers(&self, count: usize, seed: u64, taken: impl Fn(u32, u32) -> bool) -> Vec<[u32; 2]> {
        let mut rng = SplitMix64::new(seed);
        let (mut seen, mut pairs) = (BTreeSet::new(), Vec::new());
        let draws = if self.nodes < 2 { 0 } else { 1000 + 100 * count };
        for _ in 0..draws {
            if pairs.len() == count {
                break;
            }
            let [a, b] = [rng.below(self.nodes) as u32, rng.below(self.nodes) as u32];
            let pair = [a.min(b), a.max(b)];
            let edge = self.has_edge(a, b) || self.has_edge(b, a);
            if a != b && !edge && !taken(a, b) && seen.insert(pair) {
                pairs.push(pair);
            }
        }
        pairs
    }

    /// Whether the directed edge `[source, target]` is there.
    pub fn has_edge(&self, source: u32, target: u32) -> bool {
        self.edges.binary_search_by_key(&(target, source), |&[source, target]| (target, source)).is_ok()
    }

    /// Each edge once: `[u, v]` with u ≤ v where the graph is undirected, all directed edges otherwise.
    pub fn distinct_edges(&self) -> Vec<[u32; 2]> {
        self.edges.iter().copied().filter(|[u, v]| !self.undirected || u <= v).collect()
    }
}

/// What the records on a graph are.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum GraphRecords {
    /// The nodes.
    #[default]
    Nodes,
    /// Graphs: graph g is the nodes `ptr[g]..ptr[g + 1]` of the one [`Graph`]; `ptr` is [graphs + 1].
    Graphs {
        /// First node of each graph, and the end of the last.
        ptr: Vec<u32>,
    },
    /// Pairs of nodes: ids are numbers of training edges, in the order of [`Graph::distinct_edges`], and places in the
    /// lists of [`GraphData::held_out`]. The graph is without what is held out, and no node has a class.
    Links,
}

/// A graph and a task on it. `train`, `validation` and `test` are ascending, disjoint lists of ids: of nodes, or what
/// [`GraphRecords`] says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GraphData {
    /// Features are normalised.
    pub graph: Graph,
    /// Class of each node, or of each graph where records are graphs; [`UNLABELLED`] for none.
    pub labels: Vec<u32>,
    /// Ids of the training nodes (or graphs), ascending.
    pub train: Vec<u32>,
    /// Ids of the validation nodes, ascending.
    pub validation: Vec<u32>,
    /// Ids of the test nodes, ascending.
    pub test: Vec<u32>,
    /// What the ids are of.
    pub records: GraphRecords,
    /// Pairs that training does not see; none where records are not links.
    pub held_out: Links,
    /// Training nodes that were given the planted class, ascending.
    pub planted: Vec<u32>,
    /// Names of the nodes, where the files call them otherwise than by their numbers.
    pub names: Option<Vec<String>>,
    /// Columns of features that requests may name: those of the files, which the features of the graph may have fewer
    /// than where some were only those of forgotten nodes.
    pub columns: usize,
    /// Edges that were added between nodes of different classes, each once, as in [`Graph::distinct_edges`].
    pub poisoned: Vec<[u32; 2]>,
}

/// What a request deletes, in ids of the data set. All lists are ascending.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Deletion {
    /// Nodes with their features, labels and edges.
    pub nodes: Vec<u32>,
    /// Directed `[source, target]`, both directions where the graph is undirected, sorted like [`Graph::edges`]; the
    /// edges of deleted nodes are included.
    pub edges: Vec<[u32; 2]>,
    /// Nodes that lose all their features and nothing else.
    pub feature_rows: Vec<u32>,
    /// Features that all nodes lose, as [`Sparse::called`] has them, here and in the entries.
    pub feature_columns: Vec<u32>,
    /// `[node, column]`: single features of single nodes.
    pub feature_entries: Vec<[u32; 2]>,
}

impl Deletion {
    /// Whether nothing is deleted.
    pub fn is_empty(&self) -> bool {
        *self == Deletion::default()
    }
}
