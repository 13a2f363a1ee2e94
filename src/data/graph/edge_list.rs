//! Graphs as tables: edges, features as a table or as a JSON of lists, labels.

mod carried;
mod json;
mod nodes;
mod table;

use carried::carried;
use json::json_features;
use nodes::Nodes;
use table::read;

use super::vocabulary::Vocabulary;
use super::{Graph, GraphParts, NodeSplit, Sparse, Task, UNLABELLED};
use crate::data::parts::Classes;
use crate::data::source::{Source, folder};
use crate::data::table::{MOST_CATEGORIES, Table, class_names, find};
use crate::data::{Column, DataConfig, DatasetRow, Loader, Normalize};
use crate::error::{Error, Result};

pub(crate) static ROW: DatasetRow = DatasetRow {
    name: "edge_list",
    summary: "tables separated by commas, tabs, semicolons or blanks, `#` a comment: `edges` (source and target; any \
              further column is `edge_weight`, in `edge_features`, in `drop`, or 1), `labels` with the class in the \
              column `label` (empty: none), `node_features` as a table, or as JSON {\"node\": [columns that are 1]}; \
              nodes are 0 to n - 1, or have names, in the column `id`; `header` and `node_header` say which tables \
              have a heading",
    citation: "B. Rozemberczki, R. Sarkar: Characteristic Functions on Graphs, CIKM 2020 (the JSON form)",
    licence: "of the files",
    keys: &[
        "edges",
        "max_bytes",
        "header",
        "edge_weight",
        "edge_features",
        "drop",
        "node_features",
        "labels",
        "node_header",
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
        "events",
        "until",
    ],
    normalize: Normalize::Row,
    load: Loader::Graph { load, split: NodeSplit::Random, test_fraction: 0.2 },
};

fn load(source: &Source) -> Result<GraphParts> {
    let (config, limit) = (source.config, &source.limit);
    let path = source.need("edges", &config.edges)?;
    let edge_table = read(&path, config.header != Some(false), false, limit)?;
    let node_header = config.node_header != Some(false);
    let label_table = match (&config.labels, config.task) {
        // Links have no classes.
        (None, Some(Task::Link)) => None,
        (labels, _) => Some(read(&source.need("labels", labels)?, node_header, true, limit)?),
    };
    let nodes = match (&label_table, &config.id) {
        (None, _) => Nodes::of_edges(&edge_table),
        (Some(table), None) => Nodes::numbered(table.rows.len()),
        (Some(table), Some(id)) => Nodes::of_column(table, find(&Column::Name(id.clone()), table, "id")?)?,
    };
    let (features, vocabulary) = match &config.node_features {
        None => (Sparse::identity(nodes.count), Vocabulary::Own),
        Some(features) => {
            let features = source.join(features);
            match features.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json")) {
                true => (json_features(&features, &nodes, limit)?, Vocabulary::Numbered),
                false => {
                    let table = read(&features, node_header, true, limit)?;
                    (table_features(&table, config, &nodes)?, Vocabulary::Given)
                }
            }
        }
    };
    let (class_names, labels) = match &label_table {
        None => (vec![], vec![UNLABELLED; nodes.count]),
        Some(table) => labels(table, config, &nodes)?,
    };
    let pairs = edges(&edge_table, config, &nodes)?;
    let (data, undirected) = (carried(&edge_table, config)?, config.directed != Some(true));
    let line = |row: usize| format!("{} line {}", edge_table.path, edge_table.lines[row]);
    let graph = Graph::carrying(nodes.count, pairs, undirected, features, &data, &line)?;
    Ok(GraphParts {
        name: folder(&path),
        origin: path.display().to_string(),
        class_names,
        graph,
        labels,
        classes: Classes::Found,
        vocabulary,
        graphs: None,
        split: None,
        names: nodes.names,
    })
}

/// Names of the classes and the class of each node.
fn labels(table: &Table, config: &DataConfig, nodes: &Nodes) -> Result<(Vec<String>, Vec<u32>)> {
    let label =
        config.label.as_ref().ok_or_else(|| Error::input("data.label: the loader `edge_list` needs this key"))?;
    let label = find(label.class()?, table, "label")?;
    let order = node_ids(table, config, nodes)?;
    let texts: Vec<&str> = table.rows.iter().map(|row| &row[label]).collect();
    let there: Vec<&str> = texts.iter().copied().filter(|text| !text.is_empty()).collect();
    let names = class_names(&there);
    if names.len() > MOST_CATEGORIES {
        let (path, column) = (&table.path, &table.names[label]);
        return Err(Error::input(format!(
            "{path}: the label `{column}` has {} different values; expected at most {MOST_CATEGORIES} classes",
            names.len()
        )));
    }
    let mut labels = vec![UNLABELLED; nodes.count];
    for (&node, text) in order.iter().zip(&texts) {
        labels[node] = names.iter().position(|name| name == text).map_or(UNLABELLED, |class| class as u32);
    }
    Ok((names.into_iter().map(str::to_owned).collect(), labels))
}

/// The first two columns.
fn edges(table: &Table, config: &DataConfig, nodes: &Nodes) -> Result<Vec<[u32; 2]>> {
    let path = &table.path;
    if table.names.len() < 2 {
        return Err(Error::input(format!("{path}: has one column; expected source and target of each edge")));
    }
    if config.header != Some(false) && table.names[..2].iter().all(|name| nodes.find(name).is_some()) {
        let [u, v] = [&table.names[0], &table.names[1]];
        return Err(Error::input(format!(
            "{path}: its first line, `{u}` and `{v}`, names two nodes, so it is an edge and no heading; give \
             data.header = false"
        )));
    }
    let edge = |row| Ok([nodes.cell(table, row, 0)? as u32, nodes.cell(table, row, 1)? as u32]);
    (0..table.rows.len()).map(edge).collect()
}

/// The node of each row: the column `id`, or the place of the row. Every node has one row.
fn node_ids(table: &Table, config: &DataConfig, nodes: &Nodes) -> Result<Vec<usize>> {
    let count = nodes.count;
    if table.rows.len() != count {
        let (path, rows) = (&table.path, table.rows.len());
        return Err(Error::input(format!("{path}: {rows} rows of features for {count} nodes; expected one a node")));
    }
    let Some(id) = &config.id else { return Ok((0..count).collect()) };
    let column = find(&Column::Name(id.clone()), table, "id")?;
    let mut seen = vec![false; count];
    let one = |row: usize| {
        let at = nodes.cell(table, row, column)?;
        match std::mem::replace(&mut seen[at], true) {
            true => {
                let (path, line, cell) = (&table.path, table.lines[row], &table.rows[row][column]);
                Err(Error::input(format!("{path} line {line}: node {cell} is repeated")))
            }
            false => Ok(at),
        }
    };
    (0..count).map(one).collect()
}

/// Every column but `id` is a feature.
fn table_features(table: &Table, config: &DataConfig, nodes: &Nodes) -> Result<Sparse> {
    let order = node_ids(table, config, nodes)?;
    let columns: Vec<usize> =
        (0..table.names.len()).filter(|&at| Some(&table.names[at]) != config.id.as_ref()).collect();
    let mut rows = vec![vec![]; nodes.count];
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
