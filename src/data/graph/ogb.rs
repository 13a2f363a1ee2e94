//! Graphs in the folders of the Open Graph Benchmark: `raw/*.csv.gz` and `split/NAME/*.csv.gz`.

use std::path::{Path, PathBuf};

use super::lines::{classes, integers, numbers};
use super::node_labels::NodeLabels;
use super::vocabulary::Vocabulary;
use super::{EdgeData, Graph, GraphParts, Graphs, NodeSplit, Sparse};
use crate::data::limit::Limit;
use crate::data::parts::Classes;
use crate::data::source::{Source, stem};
use crate::data::split::Plan;
use crate::data::{Column, DataConfig, DatasetRow, Loader, Normalize};
use crate::error::{Error, Result};

pub(crate) static ROW: DatasetRow = DatasetRow {
    name: "ogb",
    summary: "a folder of the Open Graph Benchmark: `raw/{edge,num-node-list,num-edge-list,node-feat}.csv.gz` with \
              node-label (records are nodes of one graph) or graph-label (records are graphs), edge-feat where \
              `edge_features` names it, and `split/NAME/{train,valid,test}.csv.gz`; files may be unpacked",
    citation: "W. Hu et al.: Open Graph Benchmark: Datasets for Machine Learning on Graphs, NeurIPS 2020, arXiv \
               2005.00687",
    licence: "of the files",
    keys: &[
        "path",
        "max_bytes",
        "edge_features",
        "drop",
        "name",
        "directed",
        "split",
        "normalize",
        "test_fraction",
        "validation_fraction",
        "split_seed",
    ],
    normalize: Normalize::None,
    load: Loader::Graph { load, split: NodeSplit::Standard, test_fraction: 0.2 },
};

/// The file of what edges carry.
const EDGES: &str = "edge-feat";

fn load(source: &Source) -> Result<GraphParts> {
    let (config, limit) = (source.config, &source.limit);
    let home = source.need("path", &config.path)?;
    let raw = |part: &str| file(&home.join("raw"), part);
    let sizes = |part: &str, what: &str| -> Result<Vec<usize>> {
        integers(&raw(part), 1, what, limit)?.into_iter().map(|(line, row)| count(&raw(part), line, row[0])).collect()
    };
    let nodes = sizes("num-node-list", "the number of nodes of a graph")?;
    let edges = sizes("num-edge-list", "the number of edges of a graph")?;
    if nodes.is_empty() || nodes.len() != edges.len() {
        let (path, graphs, others) = (raw("num-edge-list"), nodes.len(), edges.len());
        return Err(Error::input(format!(
            "{}: {others} graphs, but num-node-list has {graphs}; expected one line a graph in both",
            path.display()
        )));
    }
    let ptr = ends(&nodes, &raw("num-node-list"))?;
    let (lines, pairs) = pairs(&raw("edge"), &ptr, &edges, limit)?;
    let data = carried(&raw(EDGES), config, pairs.len(), limit)?;
    let line = |at: usize| format!("{} line {}", raw("edge").display(), lines[at]);
    let total = ptr.last().map_or(0, |end| *end as usize);
    let graph = Graph::carrying(
        total,
        pairs,
        config.directed != Some(true),
        features(&raw("node-feat"), total, limit)?,
        &data,
        &line,
    )?;
    let whole = raw("graph-label").exists();
    let label = raw(if whole { "graph-label" } else { "node-label" });
    if !whole && nodes.len() > 1 {
        return Err(Error::input(format!(
            "{}: is not there, and {} graphs need their classes; labels of the nodes of one graph are in node-label",
            raw("graph-label").display(),
            nodes.len()
        )));
    }
    let records = if whole { nodes.len() } else { total };
    let labels: Vec<i64> =
        integers(&label, 1, "the class of a record", limit)?.into_iter().map(|(_, y)| y[0]).collect();
    let (class_names, labels) = classes(&labels);
    let graphs =
        whole.then(|| Graphs { ptr, labels: labels.clone(), node_labels: NodeLabels::default(), edge_labels: 0 });
    Ok(GraphParts {
        name: stem(&home),
        origin: home.display().to_string(),
        class_names,
        graph,
        labels: if whole { vec![] } else { labels },
        classes: Classes::Found,
        vocabulary: Vocabulary::Given,
        graphs,
        split: match config.split {
            None | Some(NodeSplit::Standard) => Some(plan(&home, config, records, limit)?),
            Some(_) => None,
        },
        names: None,
    })
}

/// The file of a part, packed or not.
fn file(folder: &Path, part: &str) -> PathBuf {
    let plain = folder.join(format!("{part}.csv"));
    if plain.exists() { plain } else { folder.join(format!("{part}.csv.gz")) }
}

fn count(path: &Path, line: usize, value: i64) -> Result<usize> {
    usize::try_from(value)
        .map_err(|_| Error::input(format!("{} line {line}: {value} is no number of them", path.display())))
}

/// First node of each graph, and the end of the last.
fn ends(sizes: &[usize], path: &Path) -> Result<Vec<u32>> {
    let mut ptr = vec![0u32];
    for size in sizes {
        let end = ptr.last().map_or(0, |end| *end as usize).checked_add(*size);
        ptr.push(end.and_then(|end| u32::try_from(end).ok()).ok_or_else(|| {
            Error::input(format!("{}: more than {} nodes in all; use a part of the graphs", path.display(), u32::MAX))
        })?);
    }
    Ok(ptr)
}

/// The edges with the lines they are in; each graph's nodes are counted from 0 in the file.
fn pairs(path: &Path, ptr: &[u32], edges: &[usize], limit: &Limit) -> Result<(Vec<usize>, Vec<[u32; 2]>)> {
    let rows = integers(path, 2, "two nodes, counted from 0", limit)?;
    let stated = edges.iter().try_fold(0usize, |sum, count| sum.checked_add(*count));
    if stated != Some(rows.len()) {
        return Err(Error::input(format!(
            "{}: {} edges, but num-edge-list counts {}",
            path.display(),
            rows.len(),
            stated.map_or("more".to_owned(), |stated| stated.to_string())
        )));
    }
    let graph = edges.iter().enumerate().flat_map(|(graph, count)| std::iter::repeat_n(graph, *count));
    let (mut lines, mut pairs) = (vec![], vec![]);
    for ((line, row), graph) in rows.into_iter().zip(graph) {
        let (first, nodes) = (ptr[graph], i64::from(ptr[graph + 1] - ptr[graph]));
        if row.iter().any(|node| !(0..nodes).contains(node)) {
            return Err(Error::input(format!(
                "{} line {line}: edge [{},{}] goes to an unknown node; graph {graph} has {nodes} nodes, counted from 0",
                path.display(),
                row[0],
                row[1]
            )));
        }
        lines.push(line);
        pairs.push([first + row[0] as u32, first + row[1] as u32]);
    }
    Ok((lines, pairs))
}

/// A row for each of `count` records.
fn rows(path: &Path, count: usize, what: &str, limit: &Limit) -> Result<Vec<Vec<f64>>> {
    let rows = numbers(path, what, limit)?;
    match rows.len() == count {
        true => Ok(rows.into_iter().map(|(_, row)| row).collect()),
        false => {
            let (path, found) = (path.display(), rows.len());
            Err(Error::input(format!("{path}: {found} lines; expected {what} in each of {count}")))
        }
    }
}

/// Without a file, one feature that is 1 everywhere.
fn features(path: &Path, nodes: usize, limit: &Limit) -> Result<Sparse> {
    if !path.exists() {
        return Ok(Sparse::from_rows(1, (0..nodes).map(|_| vec![(0, 1.0)])));
    }
    let rows = rows(path, nodes, "the numbers of a node", limit)?;
    let width = rows.first().map_or(0, Vec::len);
    Ok(Sparse::from_rows(width, rows.iter().map(|row| (0..).zip(row.iter().map(|v| *v as f32)).collect())))
}

/// The features of edges, if `edge_features` or `drop` says what becomes of the file.
fn carried(path: &Path, config: &DataConfig, edges: usize, limit: &Limit) -> Result<EdgeData> {
    for (key, names) in [("edge_features", &config.edge_features), ("drop", &config.drop)] {
        if let Some(stray) = names.iter().flatten().find(|name| **name != Column::Name(EDGES.to_owned())) {
            return Err(Error::input(format!("data.{key}: {stray:?}; of these folders only \"{EDGES}\" can be named")));
        }
    }
    if config.edge_features.is_none() {
        return match path.exists() && config.drop.is_none() {
            false => Ok(EdgeData::default()),
            true => Err(Error::input(format!(
                "{}: read it with data.edge_features = [\"{EDGES}\"], or leave it out with data.drop = [\"{EDGES}\"]",
                path.display()
            ))),
        };
    }
    let rows = rows(path, edges, "the numbers of an edge", limit)?;
    let width = rows.first().map_or(0, Vec::len);
    Ok(EdgeData { weight: None, width, features: rows.into_iter().flatten().map(|value| value as f32).collect() })
}

/// The split of the files: of the folder `name`, or of the only one there is.
fn plan(home: &Path, config: &DataConfig, records: usize, limit: &Limit) -> Result<Plan> {
    let all = home.join("split");
    let chosen = match &config.name {
        Some(name) => all.join(name),
        None => {
            let entries = std::fs::read_dir(&all).map_err(Error::io("read", &all))?;
            let mut folders: Vec<PathBuf> = entries.flatten().map(|e| e.path()).filter(|path| path.is_dir()).collect();
            folders.sort();
            let names: Vec<String> = folders.iter().map(|path| stem(path)).collect();
            match folders.pop() {
                Some(only) if folders.is_empty() => only,
                _ => {
                    return Err(Error::input(format!(
                        "{}: has the splits {}; say which with data.name, or draw one with data.split = \"random\"",
                        all.display(),
                        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
                    )));
                }
            }
        }
    };
    let mut seen = vec![false; records];
    let mut part = |name: &str| -> Result<Vec<u32>> {
        let path = file(&chosen, name);
        let mut ids = vec![];
        for (line, row) in integers(&path, 1, "the number of a record", limit)? {
            let slot = usize::try_from(row[0]).ok().and_then(|id| seen.get_mut(id));
            match slot.map(|seen| std::mem::replace(seen, true)) {
                Some(false) => ids.push(row[0] as u32),
                found => {
                    let why = if found.is_some() { "is in the split twice" } else { "is no record" };
                    let path = path.display();
                    return Err(Error::input(format!("{path} line {line}: {} {why}; there are {records}", row[0])));
                }
            }
        }
        ids.sort_unstable();
        Ok(ids)
    };
    Ok(Plan { train: part("train")?, validation: part("valid")?, test: part("test")? })
}
