//! Collections of graphs in the text format of TUDataset (PROTEINS, MUTAG, …).

use std::path::{Path, PathBuf};

use super::lines::{classes, integers, numbers};
use super::{Graph, GraphParts, Graphs, NodeSplit, Sparse};
use crate::data::limit::Limit;
use crate::data::source::Source;
use crate::data::{Column, DataConfig, DatasetRow, Loader, Normalize};
use crate::error::{Error, Result};

pub(crate) static ROW: DatasetRow = DatasetRow {
    name: "tudataset",
    summary: "a folder of TUDataset files `NAME_{A,graph_indicator,graph_labels}.txt`, records are graphs; features: \
              `_node_attributes`, then `_node_labels` one-hot, else 1; edge labels and other attributes are \
              refused unless `drop` names them; `folds` and `fold` for cross-validation",
    citation: "C. Morris et al.: TUDataset: A collection of benchmark datasets for learning with graphs, 2020, \
               arXiv 2007.08663",
    licence: "of the files",
    keys: &[
        "path",
        "max_bytes",
        "drop",
        "name",
        "folds",
        "fold",
        "normalize",
        "test_fraction",
        "validation_fraction",
        "split_seed",
    ],
    normalize: Normalize::None,
    load: Loader::Graph { load, split: NodeSplit::Random, test_fraction: 0.2 },
};

fn load(source: &Source) -> Result<GraphParts> {
    let config = source.config;
    let folder = source.need("path", &config.path)?;
    let name = config.name.as_deref();
    let name = name.ok_or_else(|| Error::input("data.name: the loader `tudataset` needs it, e.g. \"PROTEINS\""))?;
    let path = |part: &str| folder.join(format!("{name}_{part}.txt"));
    let labels = integers(&path("graph_labels"), 1, "the class of a graph", &source.limit)?;
    let labels: Vec<i64> = labels.into_iter().map(|(_, row)| row[0]).collect();
    let ptr = ranges(&path("graph_indicator"), labels.len(), &source.limit)?;
    let nodes = ptr.last().map_or(0, |&end| end as usize);
    unread(&path, config)?;
    let pairs = edges(&path("A"), &ptr, &source.limit)?;
    let features = features(&path("node_attributes"), &path("node_labels"), nodes, &source.limit)?;
    let (class_names, labels) = classes(&labels);
    Ok(GraphParts {
        name: name.to_owned(),
        origin: format!("{}/{name}_*.txt", folder.display()),
        class_names,
        graph: Graph::new(nodes, pairs, true, features)?,
        labels: vec![],
        graphs: Some(Graphs { ptr, labels }),
        split: None,
        names: None,
    })
}

/// Refuses files of the collection that would not be read, unless `drop` names them: a graph without its edge labels
/// is another graph.
fn unread(path: &dyn Fn(&str) -> PathBuf, config: &DataConfig) -> Result<()> {
    const UNREAD: [&str; 3] = ["edge_labels", "edge_attributes", "graph_attributes"];
    let named = |part: &str| config.drop.iter().flatten().any(|name| *name == Column::Name(part.to_owned()));
    if let Some(stray) =
        config.drop.iter().flatten().find(|name| !UNREAD.iter().any(|part| **name == Column::Name((*part).to_owned())))
    {
        let near = UNREAD.join(", ");
        return Err(Error::input(format!("data.drop: {stray:?} is no part of a collection; expected some of {near}")));
    }
    match UNREAD.iter().find(|part| !named(part) && path(part).exists()) {
        None => Ok(()),
        Some(part) => Err(Error::input(format!(
            "{}: layers here know no {}; leave them out with data.drop = [\"{part}\"]",
            path(part).display(),
            part.replace('_', " ")
        ))),
    }
}

/// Where the nodes of each graph begin, `[graphs + 1]`; a line holds the number of its node's graph, from 1.
fn ranges(path: &Path, graphs: usize, limit: &Limit) -> Result<Vec<u32>> {
    let mut ptr = vec![0];
    let lines = integers(path, 1, "the number of a graph", limit)?;
    for (node, (line, row)) in lines.iter().enumerate() {
        let graph = row[0];
        let why = match graph {
            _ if !(1..=graphs as i64).contains(&graph) => format!("there are {graphs} graphs, 1 to {graphs}"),
            _ if graph < ptr.len() as i64 => "nodes must be sorted by graph".to_owned(),
            _ => {
                // Graphs that were passed over have no nodes.
                ptr.resize(graph as usize, node as u32);
                continue;
            }
        };
        return Err(Error::input(format!("{} line {line}: graph {graph}; {why}", path.display())));
    }
    ptr.resize(graphs + 1, lines.len() as u32);
    Ok(ptr)
}

fn edges(path: &Path, ptr: &[u32], limit: &Limit) -> Result<Vec<[u32; 2]>> {
    let nodes = ptr.last().copied().unwrap_or(0);
    let graph_of = |node: u32| ptr.partition_point(|&start| start <= node);
    let mut pairs = vec![];
    for (line, row) in integers(path, 2, "two nodes, counted from 1", limit)? {
        let fail = |why: &str| {
            Err(Error::input(format!("{} line {line}: edge [{},{}] {why}", path.display(), row[0], row[1])))
        };
        if row.iter().any(|node| !(1..=i64::from(nodes)).contains(node)) {
            return fail(&format!("goes to an unknown node; there are {nodes} nodes, 1 to {nodes}"));
        }
        let [u, v] = [row[0] as u32 - 1, row[1] as u32 - 1];
        if graph_of(u) != graph_of(v) {
            return fail("joins two graphs");
        }
        pairs.push([u, v]);
    }
    Ok(pairs)
}

/// Attributes as they are, then each column of labels one-hot over its values in ascending order; without either file
/// one feature that is 1 everywhere.
fn features(attributes: &Path, labels: &Path, nodes: usize, limit: &Limit) -> Result<Sparse> {
    let read = |path: &Path| -> Result<Vec<Vec<f64>>> {
        if !path.exists() {
            return Ok(vec![]);
        }
        let rows = numbers(path, "the numbers of a node", limit)?;
        match rows.len() == nodes {
            true => Ok(rows.into_iter().map(|(_, row)| row).collect()),
            false => Err(Error::input(format!(
                "{}: {} rows of features for {nodes} nodes; expected one a node",
                path.display(),
                rows.len()
            ))),
        }
    };
    let (attributes, labels) = (read(attributes)?, read(labels)?);
    let mut width = attributes.first().map_or(0, Vec::len);
    let mut rows: Vec<Vec<(u32, f32)>> = vec![vec![]; nodes];
    for (row, values) in rows.iter_mut().zip(&attributes) {
        row.extend((0..).zip(values.iter().map(|&value| value as f32)));
    }
    for column in 0..labels.first().map_or(0, Vec::len) {
        let mut distinct: Vec<f64> = labels.iter().map(|row| row[column]).collect();
        distinct.sort_unstable_by(f64::total_cmp);
        distinct.dedup();
        for (row, values) in rows.iter_mut().zip(&labels) {
            row.push(((width + distinct.partition_point(|value| *value < values[column])) as u32, 1.0));
        }
        width += distinct.len();
    }
    if width == 0 {
        rows.iter_mut().for_each(|row| row.push((0, 1.0)));
        width = 1;
    }
    Ok(Sparse::from_rows(width, rows))
}
