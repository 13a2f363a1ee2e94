//! Graphs as tables: a CSV of edges, features as CSV or as a JSON of lists, a CSV of labels.

use std::collections::BTreeMap;
use std::path::Path;

use super::lines::text;
use super::{Graph, GraphParts, NodeSplit, Sparse, UNLABELLED};
use crate::data::csv::{class_names, read};
use crate::data::csv_encode::{MOST_CATEGORIES, Table, find};
use crate::data::source::{Source, folder};
use crate::data::{Column, DataConfig, DatasetRow, Loader, Normalize};
use crate::error::{Error, Result};

pub(crate) static ROW: DatasetRow = DatasetRow {
    name: "edge_list",
    summary: "tables with header lines: `edges` (the first two columns), `labels` with the class in the column `label` \
              (empty: none), `node_features` as CSV, or as JSON {\"node\": [columns that are 1]}; nodes are 0 to n - \
              1, \
              named in the column `id`",
    citation: "B. Rozemberczki, R. Sarkar: Characteristic Functions on Graphs, CIKM 2020 (the JSON form)",
    licence: "of the files",
    keys: &[
        "edges",
        "node_features",
        "labels",
        "label",
        "id",
        "directed",
        "task",
        "split",
        "normalize",
        "test_fraction",
        "validation_fraction",
        "split_seed",
        "plant",
        "poison",
    ],
    normalize: Normalize::Row,
    load: Loader::Graph { load, split: NodeSplit::Random, test_fraction: 0.2 },
};

/// A wider matrix of features is taken for a slip.
const MOST_COLUMNS: u32 = 1 << 24;

fn load(source: &Source) -> Result<GraphParts> {
    let config = source.config;
    let path = source.need("edges", &config.edges)?;
    let label_table = table(&source.need("labels", &config.labels)?)?;
    let label =
        config.label.as_ref().ok_or_else(|| Error::input("data.label: the loader `edge_list` needs this key"))?;
    let label = find(label, &label_table, "label")?;
    let nodes = label_table.rows.len();
    let order = node_ids(&label_table, config, nodes)?;
    let features = match &config.node_features {
        None => Sparse::identity(nodes),
        Some(features) => {
            let features = source.join(features);
            match features.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json")) {
                true => json_features(&features, nodes)?,
                false => csv_features(&features, config, nodes)?,
            }
        }
    };
    let texts: Vec<&str> = label_table.rows.iter().map(|row| &row[label]).collect();
    let there: Vec<&str> = texts.iter().copied().filter(|text| !text.is_empty()).collect();
    let names = class_names(&there);
    if names.len() > MOST_CATEGORIES {
        let (path, column) = (&label_table.path, &label_table.names[label]);
        return Err(Error::input(format!(
            "{path}: the label `{column}` has {} different values; expected at most {MOST_CATEGORIES} classes",
            names.len()
        )));
    }
    let mut labels = vec![UNLABELLED; nodes];
    for (&node, text) in order.iter().zip(&texts) {
        labels[node] = names.iter().position(|name| name == text).map_or(UNLABELLED, |class| class as u32);
    }
    let graph = Graph::new(nodes, edges(&table(&path)?, nodes)?, config.directed != Some(true), features)?;
    Ok(GraphParts {
        name: folder(&path),
        origin: path.display().to_string(),
        class_names: names.into_iter().map(str::to_owned).collect(),
        graph,
        labels,
        graphs: None,
        split: None,
        names: None,
    })
}

fn table(path: &Path) -> Result<Table> {
    let plain = DataConfig { header: Some(true), delimiter: Some(",".to_owned()), ..DataConfig::new("edge_list") };
    read(path, &plain, None)
}

/// A node id in a cell.
fn node(table: &Table, row: usize, column: usize, nodes: usize) -> Result<usize> {
    let cell = &table.rows[row][column];
    cell.parse().ok().filter(|&node: &usize| node < nodes).ok_or_else(|| {
        let last = nodes.saturating_sub(1);
        let (path, line, name) = (&table.path, table.lines[row], &table.names[column]);
        Error::input(format!(
            "{path} line {line} column `{name}`: unknown node `{cell}`; there are {nodes} nodes, 0 to {last}"
        ))
    })
}

fn edges(table: &Table, nodes: usize) -> Result<Vec<[u32; 2]>> {
    if table.names.len() < 2 {
        return Err(Error::input(format!("{}: has one column; expected source and target of each edge", table.path)));
    }
    let edge = |row| Ok([node(table, row, 0, nodes)? as u32, node(table, row, 1, nodes)? as u32]);
    (0..table.rows.len()).map(edge).collect()
}

/// The node of each row: the column `id`, or the place of the row. Every node has one row.
fn node_ids(table: &Table, config: &DataConfig, nodes: usize) -> Result<Vec<usize>> {
    if table.rows.len() != nodes {
        let (path, rows) = (&table.path, table.rows.len());
        return Err(Error::input(format!("{path}: {rows} rows of features for {nodes} nodes; expected one a node")));
    }
    let Some(id) = &config.id else { return Ok((0..nodes).collect()) };
    let column = find(&Column::Name(id.clone()), table, "id")?;
    let mut seen = vec![false; nodes];
    let one = |row: usize| {
        let at = node(table, row, column, nodes)?;
        match std::mem::replace(&mut seen[at], true) {
            true => Err(Error::input(format!("{} line {}: node {at} is repeated", table.path, table.lines[row]))),
            false => Ok(at),
        }
    };
    (0..nodes).map(one).collect()
}

/// Every column but `id` is a feature.
fn csv_features(path: &Path, config: &DataConfig, nodes: usize) -> Result<Sparse> {
    let table = table(path)?;
    let order = node_ids(&table, config, nodes)?;
    let columns: Vec<usize> =
        (0..table.names.len()).filter(|&at| Some(&table.names[at]) != config.id.as_ref()).collect();
    let mut rows = vec![vec![]; nodes];
    for (row, &node) in order.iter().enumerate() {
        for (feature, &column) in columns.iter().enumerate() {
            let cell = &table.rows[row][column];
            let value = cell.parse().ok().filter(|value: &f32| value.is_finite()).ok_or_else(|| {
                let (path, line, name) = (&table.path, table.lines[row], &table.names[column]);
                Error::input(format!("{path} line {line} column `{name}`: `{cell}` is not a finite number"))
            })?;
            rows[node].push((feature as u32, value));
        }
    }
    Ok(Sparse::from_rows(columns.len(), rows))
}

fn json_features(path: &Path, nodes: usize) -> Result<Sparse> {
    let shown = path.display();
    let lists: BTreeMap<String, Vec<u32>> = serde_json::from_str(&text(path)?)
        .map_err(|e| Error::input(format!("{shown} line {}: not an object of lists of columns: {e}", e.line())))?;
    if lists.len() != nodes {
        let rows = lists.len();
        return Err(Error::input(format!("{shown}: {rows} rows of features for {nodes} nodes; expected one a node")));
    }
    let mut rows = vec![vec![]; nodes];
    let mut width = 0;
    for (key, mut columns) in lists {
        // Compared as text too: `3` and `+3` must not be one node.
        let node =
            key.parse().ok().filter(|node: &usize| *node < nodes && node.to_string() == key).ok_or_else(|| {
                let last = nodes.saturating_sub(1);
                Error::input(format!("{shown}: unknown node `{key}`; there are {nodes} nodes, 0 to {last}"))
            })?;
        columns.sort_unstable();
        columns.dedup();
        if let Some(&last) = columns.last() {
            if last >= MOST_COLUMNS {
                return Err(Error::input(format!("{shown}: node {key}: column {last}; expected below {MOST_COLUMNS}")));
            }
            width = width.max(last as usize + 1);
        }
        rows[node] = columns.into_iter().map(|column| (column, 1.0)).collect();
    }
    Ok(Sparse::from_rows(width, rows))
}
