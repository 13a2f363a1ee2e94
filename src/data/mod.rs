//! Data on the host: files become [`Dataset`]s of dense `f32` records or of graphs, erasure requests become index sets.
//!
//! Nothing here knows a GPU. A loader is one file and one row of [`DATASETS`]; it only parses. Splitting, the checks
//! that hold for every data set and normalisation are done once, in [`load`].

mod breast_cancer;
mod cifar;
#[cfg(feature = "pictures")]
mod class_folder;
mod config;
mod csr;
mod csv;
mod csv_encode;
mod digits;
mod embedded;
mod graph;
mod hash;
mod idx;
mod kind;
mod normalize;
mod npz;
mod pickle;
pub mod request;
mod request_file;
mod request_graph;
mod source;
mod split;
mod synth;
mod training;

use std::path::Path;

use crate::base::did_you_mean;
use crate::error::{Error, Result};

pub use config::{Column, ColumnKind, DataConfig};
pub use graph::{Deletion, Graph, GraphData, GraphRecords, Links, NodeSplit, Plant, Poison, Sparse, Task, UNLABELLED};
pub use kind::RecordKind;
pub use normalize::{Normalization, Normalize};
pub use request::{Id, Kind, Request, Split, resolve};
pub use request_file::{parse_indices, read_requests};
pub use training::{HeldOut, Known, Sight, Training};

use source::Source;

/// Records of one part of a data set.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Samples {
    /// Features, row-major `[len, shape…]`.
    pub x: Vec<f32>,
    /// Class of each record, below [`Dataset::classes`].
    pub y: Vec<u32>,
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

    /// The records at `positions`, in that order. `width` is the number of features of one record.
    pub fn gather(&self, positions: &[u32], width: usize) -> Samples {
        let mut out =
            Samples { x: Vec::with_capacity(positions.len() * width), y: Vec::with_capacity(positions.len()) };
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
    /// One record: `[channels, height, width]` for pictures, `[features]` for tables and for nodes of a graph.
    pub shape: Vec<usize>,
    /// Number of classes; labels are below it.
    pub classes: usize,
    /// `classes` names, by class number.
    pub class_names: Vec<String>,
    /// Request ids and index ranges are positions in this part.
    pub train: Samples,
    /// May be empty.
    pub validation: Samples,
    /// May be empty.
    pub test: Samples,
    /// The exact numbers that were applied to all three parts.
    pub normalization: Normalization,
    /// The graph on which the records are: its nodes, or what [`GraphData::records`] says. `x` of the three parts is
    /// then empty, and `y` holds the labels of [`GraphData::train`], `validation` and `test`, in that order.
    pub graph: Option<GraphData>,
}

impl Dataset {
    /// Number of features of one record: the product of [`Dataset::shape`].
    pub fn width(&self) -> usize {
        self.shape.iter().product()
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
    &graph::graph_npz::ROW,
    &graph::edge_list::ROW,
    &idx::ROW,
    &cifar::ROW,
    &npz::ROW,
    &csv::ROW,
    #[cfg(feature = "pictures")]
    &class_folder::ROW,
    &synth::ROW,
    &graph::sbm::ROW,
];

/// What a loader hands over: parsed records in file order, not yet normalised and, where `test` is `None`, not yet
/// split.
pub(crate) struct Parts {
    pub name: String,
    /// File or folder, for messages.
    pub origin: String,
    pub shape: Vec<usize>,
    pub class_names: Vec<String>,
    pub train: Samples,
    /// `None`: carve `validation_fraction` from the training part.
    pub validation: Option<Samples>,
    /// `None`: split `test_fraction` off the training part.
    pub test: Option<Samples>,
    /// The largest value the format can hold (255 for 8-bit pixels): the divisor of `normalize = "unit"`.
    pub full_scale: Option<f32>,
    /// Per feature: true where normalisation must leave it alone (one-hot columns). Empty: none.
    pub fixed: Vec<bool>,
}

/// Loads the data set that `config` describes; relative paths are taken from `base_dir`.
///
/// The split depends on `split_seed` only, never on the training seed, and normalisation statistics come from the
/// training part only.
///
/// # Errors
/// [`Error::Input`] for anything wrong with the configuration or the files, naming file, place and expectation.
pub fn load(config: &DataConfig, base_dir: &Path) -> Result<Dataset> {
    let config = config.resolved()?;
    let row = find(&config.loader)?;
    let kind = config.normalize.unwrap_or(row.normalize);
    let source = Source { config: &config, base_dir };
    let mut parts = match row.load {
        Loader::Records(load) => load(&source)?,
        Loader::Graph { load, .. } => return graph::dataset(load(&source)?, &config, kind),
    };
    let width = parts.shape.iter().product();
    verify(&parts, width)?;
    split::apply(&mut parts, &config, width)?;
    let (mut validation, mut test) = (parts.validation.unwrap_or_default(), parts.test.unwrap_or_default());
    let normalization = normalize::fit(kind, &parts.train.x, &parts.shape, parts.full_scale, &parts.fixed);
    for part in [&mut parts.train, &mut validation, &mut test] {
        normalization.apply(&mut part.x, width);
    }
    Ok(Dataset {
        name: parts.name,
        classes: parts.class_names.len(),
        shape: parts.shape,
        class_names: parts.class_names,
        train: parts.train,
        validation,
        test,
        normalization,
        graph: None,
    })
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

/// The checks every data set must pass, whatever its loader.
fn verify(parts: &Parts, width: usize) -> Result<()> {
    let origin = &parts.origin;
    if width == 0 {
        return Err(Error::input(format!("{origin}: a record has shape {:?}, which holds no values", parts.shape)));
    }
    if parts.train.is_empty() {
        return Err(Error::input(format!("{origin}: no training records; at least one is needed")));
    }
    if parts.class_names.len() < 2 {
        return Err(Error::input(format!(
            "{origin}: all records are of one class; a classifier needs at least two classes"
        )));
    }
    let empty = Samples::default();
    let others = [("validation", &parts.validation), ("test", &parts.test)];
    let others = others.map(|(name, part)| (name, part.as_ref().unwrap_or(&empty)));
    for (name, part) in [("training", &parts.train)].into_iter().chain(others) {
        if part.x.len() != part.y.len() * width {
            return Err(Error::internal(format!("{origin}: the {name} part has {} values", part.x.len())));
        }
        if let Some(at) = part.x.iter().position(|value| !value.is_finite()) {
            return Err(Error::input(format!(
                "{origin}: {} in {name} record {} at value {}; every feature must be a finite number",
                part.x[at],
                at / width,
                at % width
            )));
        }
        if let Some(at) = part.y.iter().position(|&class| class as usize >= parts.class_names.len()) {
            return Err(Error::input(format!(
                "{origin}: {name} record {at} has class {}; expected below {}",
                part.y[at],
                parts.class_names.len()
            )));
        }
    }
    Ok(())
}
