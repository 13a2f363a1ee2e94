//! The Planetoid files `ind.NAME.*` (Cora, Citeseer, Pubmed), in the order of nodes of Kipf's GCN code.

use std::path::{Path, PathBuf};

use super::{Graph, GraphParts, NodeSplit, Sparse, UNLABELLED};
use crate::data::csr::Matrix;
use crate::data::pickle::{Array, Pickle};
use crate::data::source::{Bytes, Source, numbered};
use crate::data::split::Plan;
use crate::data::{DatasetRow, Loader, Normalize};
use crate::error::{Error, Result};

pub(crate) static ROW: DatasetRow = DatasetRow {
    name: "planetoid",
    summary: "a folder of Planetoid files `ind.NAME.{x,y,tx,ty,allx,ally,graph,test.index}` (NAME: cora, citeseer, pubmed); \
              pickles are read by a closed reader that runs nothing; edges become undirected, self-citations are dropped",
    citation: "Z. Yang, W. Cohen, R. Salakhutdinov: Revisiting Semi-Supervised Learning with Graph Embeddings, ICML 2016",
    licence: "of the files",
    keys: &[
        "path",
        "name",
        "split",
        "normalize",
        "test_fraction",
        "validation_fraction",
        "split_seed",
        "plant",
        "poison",
    ],
    normalize: Normalize::Row,
    load: Loader::Graph { load, split: NodeSplit::Standard, test_fraction: 0.2 },
};

/// Validation nodes of the standard split: those that follow the training nodes.
const VALIDATION: u32 = 500;

fn load(source: &Source) -> Result<GraphParts> {
    let folder = source.need("path", &source.config.path)?;
    let name = source.config.name.as_deref();
    let name = name.ok_or_else(|| Error::input("data.name: the loader `planetoid` needs it, e.g. \"cora\""))?;
    let path = |part: &str| folder.join(format!("ind.{name}.{part}"));
    let (x, tx, allx) = (matrix(&path("x"))?, matrix(&path("tx"))?, matrix(&path("allx"))?);
    let (y, ty, ally) = (classes(&path("y"))?, classes(&path("ty"))?, classes(&path("ally"))?);
    let same = |what: &str, a: (&str, usize), b: (&str, usize)| match a.1 == b.1 {
        true => Ok(()),
        false => Err(Error::input(format!(
            "{} has {} {what}, but {} has {}",
            path(a.0).display(),
            a.1,
            path(b.0).display(),
            b.1
        ))),
    };
    same("rows", ("x", x.rows), ("y", y.labels.len()))?;
    same("rows", ("tx", tx.rows), ("ty", ty.labels.len()))?;
    same("rows", ("allx", allx.rows), ("ally", ally.labels.len()))?;
    same("columns", ("x", x.cols), ("allx", allx.cols))?;
    same("columns", ("tx", tx.cols), ("allx", allx.cols))?;
    same("classes", ("y", y.classes), ("ally", ally.classes))?;
    same("classes", ("ty", ty.classes), ("ally", ally.classes))?;
    if x.rows > allx.rows {
        let (path, rows) = (path("x"), allx.rows);
        return Err(Error::input(format!("{}: {} training nodes, but allx has {rows}", path.display(), x.rows)));
    }
    let test = test_ids(&path("test.index"), allx.rows, tx.rows)?;
    let nodes = test.iter().max().map_or(allx.rows, |&last| last as usize + 1);
    // Row k of tx is the node in line k of test.index. Ids that no line names are papers without words or class.
    let mut rows: Vec<Vec<(u32, f32)>> = (0..allx.rows).map(|row| allx.row(row)).collect();
    let mut labels = ally.labels;
    rows.resize(nodes, vec![]);
    labels.resize(nodes, UNLABELLED);
    for (row, &node) in test.iter().enumerate() {
        rows[node as usize] = tx.row(row);
        labels[node as usize] = ty.labels[row];
    }
    let (first, last) = (x.rows as u32, allx.rows as u32);
    let mut test = test;
    test.sort_unstable();
    Ok(GraphParts {
        name: name.to_owned(),
        origin: format!("{}/ind.{name}.*", folder.display()),
        class_names: numbered(&(0..ally.classes as u32).collect::<Vec<_>>()),
        graph: Graph::new(nodes, edges(&path("graph"), nodes)?, true, Sparse::from_rows(allx.cols, rows))?,
        split: Some(Plan {
            train: (0..first).collect(),
            validation: (first..last.min(first + VALIDATION)).collect(),
            test,
        }),
        labels,
        graphs: None,
    })
}

fn matrix(path: &Path) -> Result<Matrix> {
    Pickle::read(path)?.matrix()
}

struct Classes {
    classes: usize,
    labels: Vec<u32>,
}

/// Rows of one-hot vectors; a row of zeros has no class.
fn classes(path: &PathBuf) -> Result<Classes> {
    let Array { shape, values } = Pickle::read(path)?.array()?;
    let (&[rows, classes], false) = (&shape[..], shape.contains(&0)) else {
        return Err(Error::input(format!("{}: has shape {shape:?}; expected [nodes, classes]", path.display())));
    };
    let label = |row: usize| {
        let row_values = &values[row * classes..(row + 1) * classes];
        match row_values.iter().filter(|value| **value != 0.0).count() {
            0 => Ok(UNLABELLED),
            1 => Ok(row_values.iter().position(|value| *value != 0.0).unwrap_or_default() as u32),
            more => Err(Error::input(format!("{}: row {row} names {more} classes; expected one", path.display()))),
        }
    };
    Ok(Classes { classes, labels: (0..rows).map(label).collect::<Result<_>>()? })
}

/// The node of each row of tx.
fn test_ids(path: &Path, first: usize, rows: usize) -> Result<Vec<u32>> {
    let bytes = Bytes::open(path)?.rest()?;
    let text = String::from_utf8_lossy(&bytes);
    let mut ids: Vec<u32> = vec![];
    // Papers without words are few; an id far off would make that many nodes.
    let limit = first + 2 * rows + 1000;
    let mut seen = vec![false; limit];
    for (at, line) in text.lines().enumerate() {
        let fail = |why: &str| Err(Error::input(format!("{} line {}: {why}", path.display(), at + 1)));
        let Ok(id) = line.trim().parse::<u32>() else { return fail(&format!("`{}` is not a node id", line.trim())) };
        if (id as usize) < first || id as usize >= limit {
            return fail(&format!("node {id}; the {first} nodes of allx come first, and {rows} of tx near them"));
        }
        if std::mem::replace(&mut seen[id as usize], true) {
            return fail(&format!("node {id} is repeated"));
        }
        ids.push(id);
    }
    match ids.len() == rows {
        true => Ok(ids),
        false => Err(Error::input(format!("{}: {} nodes, but tx has {rows} rows", path.display(), ids.len()))),
    }
}

fn edges(path: &Path, nodes: usize) -> Result<Vec<[u32; 2]>> {
    let known = |id: i64| u32::try_from(id).ok().filter(|&id| (id as usize) < nodes);
    let mut pairs = vec![];
    for (from, neighbours) in Pickle::read(path)?.lists()? {
        for to in neighbours {
            let (Some(u), Some(v)) = (known(from), known(to)) else {
                return Err(Error::input(format!(
                    "{}: edge [{from},{to}] goes to an unknown node; there are {nodes} nodes, 0 to {}",
                    path.display(),
                    nodes.saturating_sub(1)
                )));
            };
            if u != v {
                pairs.push([u, v]);
            }
        }
    }
    Ok(pairs)
}
