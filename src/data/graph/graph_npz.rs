//! Graphs as NumPy archives with the array names of gnn-benchmark.

use super::lines::classes;
use super::vocabulary::Vocabulary;
use super::{EdgeData, Graph, GraphParts, NodeSplit, Sparse};
use crate::data::csr::Matrix;
use crate::data::npz::Archive;
use crate::data::parts::Classes;
use crate::data::source::{Source, numbered, stem};
use crate::data::{Column, DataConfig, DatasetRow, Loader, Normalize};
use crate::error::{Error, Result};

pub(crate) static ROW: DatasetRow = DatasetRow {
    name: "graph_npz",
    summary: "a NumPy archive of CSR arrays: adj_{data,indices,indptr,shape}, attr_{data,indices,indptr,shape} or a \
        dense \
              attr_matrix, labels (whole numbers, or names in fixed-width unicode), class_names where there are any",
    citation: "O. Shchur, M. Mumme, A. Bojchevski, S. Günnemann: Pitfalls of Graph Neural Network Evaluation, 2018, \
               arXiv 1811.05868",
    licence: "of the files",
    keys: &[
        "path",
        "max_bytes",
        "edge_weight",
        "edge_features",
        "drop",
        "directed",
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
    ],
    normalize: Normalize::Row,
    load: Loader::Graph { load, split: NodeSplit::Planetoid, test_fraction: 0.2 },
};

fn load(source: &Source) -> Result<GraphParts> {
    let path = source.need("path", &source.config.path)?;
    let archive = Archive::open(&path, &source.limit)?;
    let names = archive.names();
    let has = |name: &str| names.iter().any(|known| known == name);
    let adjacency = matrix(&archive, "adj")?;
    let nodes = adjacency.rows;
    if adjacency.cols != nodes {
        let shape = [nodes, adjacency.cols];
        return Err(Error::input(format!(
            "{}: adj_shape is {shape:?}; expected as many columns as rows",
            archive.path
        )));
    }
    let features = match has("attr_matrix") && !has("attr_data") {
        true => dense(&archive)?,
        false => {
            let attributes = matrix(&archive, "attr")?;
            Sparse::from_rows(attributes.cols, (0..attributes.rows).map(|row| attributes.row(row)))
        }
    };
    weightless(&adjacency, source.config, &archive.path)?;
    let (class_names, classes, labels) = labels(&archive, has("class_names"))?;
    let entries = (0..nodes).flat_map(|row| adjacency.row(row).into_iter().map(move |(column, v)| (row, column, v)));
    let there: Vec<usize> = entries.clone().enumerate().filter(|(_, (.., v))| *v != 0.0).map(|(at, _)| at).collect();
    let all: Vec<[u32; 2]> = entries.map(|(row, column, _)| [row as u32, column]).collect();
    let pairs = there.iter().map(|at| all[*at]);
    let data = carried(&archive, source.config, all.len())?.pick(&there);
    let entry = |at: usize| format!("{} entry {}", archive.path, there[at]);
    let undirected = source.config.directed != Some(true);
    Ok(GraphParts {
        name: stem(&path),
        origin: path.display().to_string(),
        class_names,
        graph: Graph::carrying(nodes, pairs.collect(), undirected, features, &data, &entry)?,
        labels,
        classes,
        vocabulary: Vocabulary::Given,
        graphs: None,
        split: None,
        names: None,
    })
}

/// Refuses weights of edges unless `edge_weight` or `drop` names them.
fn weightless(adjacency: &Matrix, config: &DataConfig, path: &str) -> Result<()> {
    let weights = Column::Name("adj_data".to_owned());
    if let Some(stray) = config.drop.iter().flatten().find(|name| **name != weights) {
        return Err(Error::input(format!("data.drop: {stray:?}; of these archives only \"adj_data\" can be left out")));
    }
    let entries = |row| adjacency.row(row).into_iter().map(move |(column, value)| (row, column, value));
    let weight = (0..adjacency.rows).flat_map(entries).find(|(_, _, value)| *value != 0.0 && *value != 1.0);
    match weight.filter(|_| config.drop.is_none() && config.edge_weight.as_ref() != Some(&weights)) {
        None => Ok(()),
        Some((u, v, weight)) => Err(Error::input(format!(
            "{path}: adj_data has the weight {weight} for the edge [{u},{v}]; give data.edge_weight = \"adj_data\", or \
             leave them out with data.drop = [\"adj_data\"]"
        ))),
    }
}

/// What the entries of the adjacency carry: the arrays `edge_weight` \[entries\] and `edge_features`, [entries] or
/// [entries, width] each.
fn carried(archive: &Archive, config: &DataConfig, entries: usize) -> Result<EdgeData> {
    let read = |key: &str, column: &Column| -> Result<(usize, Vec<f32>)> {
        let Column::Name(name) = column else {
            return Err(Error::input(format!("data.{key}: {column:?}; expected the name of an array")));
        };
        let array = archive.array(name)?;
        let width = match array.shape[..] {
            [n] if n == entries => 1,
            [n, width] if n == entries && key == "edge_features" => width,
            _ => return array.fail(&format!("data.{key}: expected a row for each of the {entries} entries of adj")),
        };
        Ok((width, array.values()?.map(|value| value as f32).collect()))
    };
    let weight = config.edge_weight.as_ref().map(|name| read("edge_weight", name)).transpose()?;
    let names = config.edge_features.iter().flatten();
    let features = names.map(|name| read("edge_features", name)).collect::<Result<Vec<_>>>()?;
    let row = |at: usize| features.iter().flat_map(move |(width, all)| &all[at * width..(at + 1) * width]);
    Ok(EdgeData {
        weight: weight.map(|(_, all)| all),
        width: features.iter().map(|(width, _)| width).sum(),
        features: (0..entries).flat_map(row).copied().collect(),
    })
}

/// The CSR matrix of the arrays `{name}_data`, `_indices`, `_indptr` and `_shape`.
fn matrix(archive: &Archive, name: &str) -> Result<Matrix> {
    let read = |part: &str| -> Result<Vec<f64>> { Ok(archive.array(&format!("{name}_{part}"))?.values()?.collect()) };
    let (data, indices, indptr, shape) = (read("data")?, read("indices")?, read("indptr")?, read("shape")?);
    let &[rows, cols] = &shape[..] else {
        return Err(Error::input(format!("{}: {name}_shape is {shape:?}; expected [rows, columns]", archive.path)));
    };
    // A size that is no whole number becomes one that the other arrays do not fit.
    Matrix::new([rows as usize, cols as usize], &indptr, &indices, &data).ok_or_else(|| {
        Error::input(format!(
            "{}: the arrays {name}_data, {name}_indices and {name}_indptr do not make a matrix [{rows}, {cols}]: a \
                column \
             is unknown, or their lengths do not fit",
            archive.path
        ))
    })
}

fn dense(archive: &Archive) -> Result<Sparse> {
    let array = archive.array("attr_matrix")?;
    let &[_, width] = &array.shape[..] else { return array.fail("expected [nodes, features]") };
    let values: Vec<f32> = array.values()?.map(|value| value as f32).collect();
    Ok(Sparse::from_rows(width, values.chunks_exact(width.max(1)).map(|row| (0..).zip(row.iter().copied()).collect())))
}

/// Names of the classes, where they come from, and the class of each node.
fn labels(archive: &Archive, named: bool) -> Result<(Vec<String>, Classes, Vec<u32>)> {
    let labels = archive.array("labels")?;
    if let Some(texts) = labels.texts() {
        let (names, labels) = classes(&texts);
        return Ok((names, Classes::Found, labels));
    }
    let labels = labels.classes()?;
    let count = numbered(&labels).len();
    match named.then(|| archive.array("class_names")).transpose()?.and_then(|names| names.texts()) {
        Some(names) if names.len() < count => Err(Error::input(format!(
            "{}: class_names has {} names, but a label is {}; expected one a class",
            archive.path,
            names.len(),
            count - 1
        ))),
        Some(names) => Ok((names, Classes::Declared, labels)),
        None => Ok((numbered(&labels), Classes::Numbered, labels)),
    }
}
