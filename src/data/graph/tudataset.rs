//! Collections of graphs in the text format of TUDataset (PROTEINS, MUTAG, …).

use std::path::{Path, PathBuf};

use super::lines::{classes, integers, numbers};
use super::node_labels::NodeLabels;
use super::vocabulary::Vocabulary;
use super::{EdgeData, Graph, GraphParts, Graphs, NodeSplit, Sparse};
use crate::data::limit::Limit;
use crate::data::parts::Classes;
use crate::data::source::Source;
use crate::data::{Column, DataConfig, DatasetRow, Loader, Normalize};
use crate::error::{Error, Result};

pub(crate) static ROW: DatasetRow = DatasetRow {
    name: "tudataset",
    summary: "a folder of TUDataset files `NAME_{A,graph_indicator,graph_labels}.txt`, records are graphs; features: \
              `_node_attributes`, then `_node_labels` one-hot (labels of the training graphs), else 1; `edge_features` \
              names `edge_attributes` and `edge_labels` (one-hot), which are refused unless it or `drop` does, as \
              attributes of graphs are; `folds` and `fold` for cross-validation",
    citation: "C. Morris et al.: TUDataset: A collection of benchmark datasets for learning with graphs, 2020, \
               arXiv 2007.08663",
    licence: "of the files",
    keys: &[
        "path",
        "max_bytes",
        "edge_features",
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
    let (lines, pairs) = edges(&path("A"), &ptr, &source.limit)?;
    let (data, edge_labels) = carried(&path, config, pairs.len(), &source.limit)?;
    let line = |at: usize| format!("{} line {}", path("A").display(), lines[at]);
    let (features, node_labels) = features(&path("node_attributes"), &path("node_labels"), nodes, &source.limit)?;
    let (class_names, labels) = classes(&labels);
    Ok(GraphParts {
        name: name.to_owned(),
        origin: format!("{}/{name}_*.txt", folder.display()),
        class_names,
        graph: Graph::carrying(nodes, pairs, true, features, &data, &line)?,
        labels: vec![],
        classes: Classes::Found,
        vocabulary: Vocabulary::Given,
        graphs: Some(Graphs { ptr, labels, node_labels, edge_labels }),
        split: None,
        names: None,
    })
}

/// Files of what edges carry.
const EDGES: [&str; 2] = ["edge_attributes", "edge_labels"];

/// Whether the key `edge_features` names a file.
fn reads(config: &DataConfig, part: &str) -> bool {
    config.edge_features.iter().flatten().any(|name| *name == Column::Name(part.to_owned()))
}

/// What the edges carry: attributes, then labels; and how many of the columns are labels.
fn carried(
    path: &dyn Fn(&str) -> PathBuf,
    config: &DataConfig,
    edges: usize,
    limit: &Limit,
) -> Result<(EdgeData, usize)> {
    let known = |name: &&Column| EDGES.iter().any(|part| **name == Column::Name((*part).to_owned()));
    if let Some(stray) = config.edge_features.iter().flatten().find(|name| !known(name)) {
        let near = EDGES.join(", ");
        return Err(Error::input(format!("data.edge_features: {stray:?} is none; expected some of {near}")));
    }
    let mut rows: Vec<Vec<f32>> = vec![vec![]; edges];
    let mut widths = [0; 2];
    for (part, width) in EDGES.iter().zip(&mut widths).filter(|(part, _)| reads(config, part)) {
        let read = numbers(&path(part), "the numbers of an edge", limit)?;
        if read.len() != edges {
            let (path, lines) = (path(part), read.len());
            return Err(Error::input(format!(
                "{}: {lines} lines for {edges} edges; expected one an edge, in the order of the file of edges",
                path.display()
            )));
        }
        *width = read.first().map_or(0, |(_, row)| row.len());
        rows.iter_mut().zip(read).for_each(|(row, (_, more))| row.extend(more.into_iter().map(|v| v as f32)));
    }
    let data = EdgeData { weight: None, width: widths[0] + widths[1], features: rows.concat() };
    Ok((data, widths[1]))
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
    let read = |part: &str| EDGES.contains(&part) && reads(config, part);
    match UNREAD.iter().find(|part| !named(part) && !read(part) && path(part).exists()) {
        None => Ok(()),
        Some(part) => Err(Error::input(format!(
            "{}: {}leave {} out with data.drop = [\"{part}\"]",
            path(part).display(),
            if EDGES.contains(part) {
                format!("read them with data.edge_features = [\"{part}\"], or ")
            } else {
                "layers here know none of these; ".to_owned()
            },
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

/// Edges, and the line of each.
fn edges(path: &Path, ptr: &[u32], limit: &Limit) -> Result<(Vec<usize>, Vec<[u32; 2]>)> {
    let nodes = ptr.last().copied().unwrap_or(0);
    let graph_of = |node: u32| ptr.partition_point(|&start| start <= node);
    let (mut lines, mut pairs) = (vec![], vec![]);
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
        lines.push(line);
    }
    Ok((lines, pairs))
}

/// Attributes as they are, and the columns of labels, which become features by what is fitted on training graphs;
/// without either file one feature that is 1 everywhere.
fn features(attributes: &Path, labels: &Path, nodes: usize, limit: &Limit) -> Result<(Sparse, NodeLabels)> {
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
    let columns = (0..labels.first().map_or(0, Vec::len)).map(|at| labels.iter().map(|row| row[at]).collect());
    let labels = NodeLabels { columns: columns.collect() };
    let features = match attributes.first() {
        None if labels.columns.is_empty() => Sparse::from_rows(1, (0..nodes).map(|_| vec![(0, 1.0)])),
        None => Sparse::from_rows(0, (0..nodes).map(|_| vec![])),
        Some(first) => {
            let row = |row: &Vec<f64>| (0..).zip(row.iter().map(|&value| value as f32)).collect();
            Sparse::from_rows(first.len(), attributes.iter().map(row))
        }
    };
    Ok((features, labels))
}
