//! Data on the host: files become [`Dataset`]s of dense `f32` records or of graphs, erasure requests become index sets.
//!
//! Nothing here knows a GPU. A loader is one file and one row of [`DATASETS`]; it only parses. Splitting, the checks
//! that hold for every data set and normalisation are done once, in [`load`].

mod absent;
mod arrays;
mod assemble;
mod breast_cancer;
mod cifar;
#[cfg(feature = "pictures")]
mod class_folder;
mod config;
mod csr;
mod csv;
mod cut;
mod decimal;
mod digits;
mod embedded;
mod fitted;
mod graph;
mod hash;
mod identities;
mod identity;
mod idx;
mod indices;
mod key;
mod kind;
mod learned;
mod leave;
mod like;
mod limit;
mod normalize;
mod notes;
mod npz;
mod numbers;
#[cfg(feature = "parquet")]
mod parquet;
mod parts;
mod pickle;
mod plant;
mod rates;
pub mod request;
mod request_file;
mod request_graph;
mod request_id;
mod request_rows;
mod request_spans;
mod resolve;
mod resolved;
mod shard;
mod source;
mod split;
mod state_dict;
mod synth;
mod table;
mod targets;
mod text;
mod training;
mod twins;
mod values;
mod who;

use std::path::Path;

use crate::base::did_you_mean;
use crate::error::{Error, Result};

pub use absent::{Absent, class_names};
pub use arrays::{Arrays, Column as ArrayColumn, npz};
pub use config::{Column, ColumnKind, DataConfig, Label, Layout};
pub use cut::Cut;
pub use fitted::{ColumnFit, Encoding, FitOn, Fitted, Origins};
pub use graph::{
    Deletion, EdgeData, Event, EventKind, Graph, GraphData, GraphDivision, GraphRecords, Links, NodeSplit, Poison,
    Sparse, Task, UNLABELLED, cap, read_events,
};
pub use identities::Identities;
pub use identity::{Identity, Naming, Place, Portion};
pub use kind::RecordKind;
pub use like::like;
pub use normalize::{MeanStd, Normalization, Normalize, Scaling};
pub use plant::Plant;
pub use rates::Levels;
pub use request::{Kind, Request};
pub use request_file::{parse_requests, read_requests, request_lines};
pub use request_id::Id;
pub use resolve::resolve;
pub use resolved::{Line, Split, Who};
pub use shard::Shards;
pub use state_dict::{StateDict, Tensor};
pub use targets::{TargetFit, TargetKind, TargetTable};
use text::Quizzes;
pub use text::{Canary, DIGITS, NOTHING, Quiz, Tokenizer};
pub use training::{Before, HeldOut, Known, Sight, Training};
pub use twins::Twins;

pub use limit::free_memory;
pub(crate) use twins::TwinsOnce;

use limit::Limit;
use parts::Parts;
use source::Source;

/// Records of one part of a data set.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Samples {
    /// Features, row-major `[len, shape…]`.
    pub x: Vec<f32>,
    /// Class of each record, below [`Dataset::classes`]; 0 where a record has targets in place of a class.
    pub y: Vec<u32>,
    /// Numbers to be predicted in place of a class, or which labels records have.
    pub targets: Option<TargetTable>,
}

impl Samples {
    /// Number of records.
    pub fn len(&self) -> usize {
        self.y.len()
    }

    /// Whether there is no record.
    pub fn is_empty(&self) -> bool {
        self.y.is_empty()
    }

    /// One set behind the other; none where their targets are not of one kind and width. Features must be as wide.
    fn joined(all: &[&Samples]) -> Option<Samples> {
        let mut whole =
            Samples { targets: all.first()?.targets.clone().map(TargetTable::emptied), ..Samples::default() };
        for one in all {
            whole.x.extend_from_slice(&one.x);
            whole.y.extend_from_slice(&one.y);
            match (&mut whole.targets, &one.targets) {
                (Some(to), Some(from)) if (to.kind, to.width) == (from.kind, from.width) => {
                    to.values.extend_from_slice(&from.values);
                }
                (None, None) => {}
                _ => return None,
            }
        }
        Some(whole)
    }

    /// The records at `positions`, in that order. `width` is the number of features of one record.
    pub fn gather(&self, positions: &[u32], width: usize) -> Samples {
        let targets = self.targets.as_ref().map(|targets| targets.gather(positions));
        let (x, y) = (Vec::with_capacity(positions.len() * width), Vec::with_capacity(positions.len()));
        let mut out = Samples { x, y, targets };
        for &position in positions {
            let at = position as usize;
            out.x.extend_from_slice(&self.x[at * width..(at + 1) * width]);
            out.y.push(self.y[at]);
        }
        out
    }
}

/// A loaded, split and normalised data set.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// The loader, or the file's stem where the loader reads any file.
    pub name: String,
    /// One record: `[channels, height, width]` for pictures, `[features]` for tables and for nodes of a graph, of text
    /// `[tokens]`, behind the last of which stands [`NOTHING`].
    pub shape: Vec<usize>,
    /// Number of classes; labels are below it. Where records have targets, numbers of one record's.
    pub classes: usize,
    /// `classes` names, by class number or of the targets.
    pub class_names: Vec<String>,
    /// The classes that a model of these data has an output for, ascending: all, but for those that only records have
    /// on which nothing was fitted.
    pub learned: Vec<u32>,
    /// What is to be predicted where that is no class, and how it is scaled.
    pub targets: Option<TargetFit>,
    /// What is trained on.
    pub train: Samples,
    /// May be empty.
    pub validation: Samples,
    /// May be empty.
    pub test: Samples,
    /// How texts became tokens, where records are text; a record is then a row of tokens.
    pub tokenizer: Option<Tokenizer>,
    /// What texts ask, by part of the file and row: see [`Dataset::quiz`].
    pub(crate) quizzes: Quizzes,
    /// How columns of a table became features; empty for other data.
    pub columns: Vec<ColumnFit>,
    /// The exact numbers that were applied to all three parts.
    pub normalization: Normalization,
    /// Who the records of the three parts are. Of records on a graph there is nothing here: see [`Dataset::id`].
    pub who: Identities,
    /// The graph on which the records are: its nodes, or what [`GraphData::records`] says. `x` of the three parts is
    /// then empty, and `y` holds the labels of [`GraphData::train`], `validation` and `test`, in that order.
    pub graph: Option<GraphData>,
    /// What is odd about the data and was let pass; a sentence each.
    pub notes: Vec<String>,
    /// See [`Dataset::twins`].
    pub(crate) twins: TwinsOnce,
}

impl Dataset {
    /// Number of features of one record: the product of [`Dataset::shape`].
    pub fn width(&self) -> usize {
        self.shape.iter().product()
    }

    /// What was fitted on records, for a run to keep.
    pub fn fitted(&self) -> Fitted {
        let name = |class: &u32| self.class_names[*class as usize].clone();
        Fitted {
            class_names: self.learned.iter().map(name).collect(),
            columns: self.columns.clone(),
            normalization: self.normalization.clone(),
            targets: self.targets.clone(),
            tokenizer: self.tokenizer.clone(),
        }
    }

    /// What a network is given of a record: its features or, of a text, a row over the tokens for each token.
    pub fn model_input(&self) -> Vec<usize> {
        match &self.tokenizer {
            Some(tokenizer) => vec![tokenizer.size()],
            None => self.shape.clone(),
        }
    }

    /// The held-out pairs, where records are pairs of nodes.
    pub fn links(&self) -> Option<&Links> {
        self.graph.as_ref().filter(|graph| graph.records == GraphRecords::Links).map(|graph| &graph.held_out)
    }

    /// Ids of the training records, ascending: positions in [`Dataset::train`], node ids for nodes of a graph, graph
    /// numbers where the records are graphs, numbers of training edges where they are links.
    pub fn train_ids(&self) -> Vec<u32> {
        match &self.graph {
            Some(graph) => graph.train.clone(),
            None => (0..self.train.len() as u32).collect(),
        }
    }
}

/// One loader: what it is, what it reads, and where its data comes from.
pub struct DatasetRow {
    /// The value of `loader`.
    pub name: &'static str,
    /// What it reads, in a sentence, for `unlearn list datasets`.
    pub summary: &'static str,
    /// Of the data where they are embedded, of the format otherwise.
    pub citation: &'static str,
    /// Of the data where they are embedded; "of the files" otherwise.
    pub licence: &'static str,
    /// The keys of `[data]` that it reads; any other key is an error.
    pub keys: &'static [&'static str],
    /// `normalize` where the configuration does not say.
    pub normalize: Normalize,
    pub(crate) load: Loader,
}

/// How a row makes its records.
pub(crate) enum Loader {
    /// Dense records.
    Records(fn(&Source) -> Result<Parts>),
    /// A graph, with the defaults of `split` and, where that is `random`, of `test_fraction`.
    Graph { load: fn(&Source) -> Result<graph::GraphParts>, split: NodeSplit, test_fraction: f64 },
}

/// The loaders, in the order `unlearn list datasets` shows them.
pub static DATASETS: &[&DatasetRow] = &[
    &digits::ROW,
    &breast_cancer::ROW,
    &graph::cora::ROW,
    &graph::karate::ROW,
    &graph::linqs::ROW,
    &graph::planetoid::ROW,
    &graph::tudataset::ROW,
    &graph::ogb::ROW,
    &graph::graph_npz::ROW,
    &graph::edge_list::ROW,
    &idx::ROW,
    &cifar::ROW,
    &npz::ROW,
    &csv::ROW,
    #[cfg(feature = "parquet")]
    &parquet::ROW,
    #[cfg(feature = "pictures")]
    &class_folder::ROW,
    &text::ROW,
    &text::sentences::ROW,
    &synth::ROW,
    &graph::sbm::ROW,
];

/// Loads the data set that `config` describes; relative paths are taken from `base_dir`.
///
/// A record's part depends on the record and on `split_seed` only, never on the training seed; whatever is fitted is
/// fitted on the training part.
///
/// # Errors
/// [`Error::Input`] for anything wrong with the configuration or the files, naming file, place and expectation.
pub fn load(config: &DataConfig, base_dir: &Path) -> Result<Dataset> {
    load_with(config, base_dir, FitOn::Training)
}

/// As [`load`], with what is fitted on records taken from elsewhere: records, parts and positions are the same.
///
/// # Errors
/// As [`load`]; a fit of other data.
pub fn load_with(config: &DataConfig, base_dir: &Path, fit: FitOn) -> Result<Dataset> {
    let config = config.resolved()?;
    let row = find(&config.loader)?;
    let kind = config.normalize.as_ref().map_or(row.normalize, Scaling::kind);
    let source = Source { config: &config, base_dir, fit, limit: Limit::of(&config)? };
    match row.load {
        Loader::Records(load) => assemble::dataset(load(&source)?, &config, kind, fit),
        Loader::Graph { load, .. } => {
            let mut data = graph::dataset(load(&source)?, &config, kind, fit)?;
            graph::present::at_time(&config, base_dir, &mut data)?;
            Ok(data)
        }
    }
}

/// As [`load_with`], from a source that has lost records: classes, and rows that stand for names, are numbered as they
/// were while `absent` were there.
///
/// # Errors
/// As [`load_with`].
pub fn load_without(config: &DataConfig, base_dir: &Path, fit: FitOn, absent: &Absent) -> Result<Dataset> {
    let [numbers, classes] = match fit {
        FitOn::Without(then) => [absent.now(then), Origins::new()],
        FitOn::Shard { numbers, classes } => [absent.now(numbers), absent.now(classes)],
        FitOn::Training | FitOn::Kept(_) => [Origins::new(), Origins::new()],
    };
    let now = match fit {
        FitOn::Without(_) => FitOn::Without(&numbers),
        FitOn::Shard { .. } => FitOn::Shard { numbers: &numbers, classes: &classes },
        FitOn::Training | FitOn::Kept(_) => fit,
    };
    let mut data = load_with(&absent.config(config), base_dir, now)?;
    data.restore(absent, fit);
    Ok(data)
}

/// The row of a loader, or an error that suggests the near one.
pub fn find(loader: &str) -> Result<&'static DatasetRow> {
    let names: Vec<&str> = DATASETS.iter().map(|row| row.name).collect();
    DATASETS.iter().copied().find(|row| row.name == loader).ok_or_else(|| {
        Error::input(format!(
            "data.loader: there is no loader `{loader}`{}; the loaders are {}",
            did_you_mean(loader, names.iter().copied()),
            names.join(", ")
        ))
    })
}
