//! The Planetoid files `ind.NAME.*` (Cora, Citeseer, Pubmed), in the order of nodes of Kipf's GCN code.

use std::path::{Path, PathBuf};

use super::vocabulary::Vocabulary;
use super::{Graph, GraphParts, NodeSplit, Sparse, UNLABELLED};
use crate::data::csr::Matrix;
use crate::data::limit::Limit;
use crate::data::parts::Classes;
use crate::data::pickle::{Array, Pickle};
use crate::data::source::{Bytes, Source, numbered};
use crate::data::split::Plan;
use crate::data::{DatasetRow, Loader, Normalize};
use crate::error::{Error, Result};

pub(crate) static ROW: DatasetRow = DatasetRow {
    name: "planetoid",
    summary: "a folder of Planetoid files `ind.NAME.{x,y,tx,ty,allx,ally,graph,test.index}` (NAME: cora, citeseer, \
              pubmed); pickles of protocols 2 to 5 are read by a closed reader that runs nothing; edges become \
              undirected, self-citations are dropped",
    citation: "Z. Yang, W. Cohen, R. Salakhutdinov: Revisiting Semi-Supervised Learning with Graph Embeddings, ICML \
        2016",
    licence: "of the files",
    keys: &[
        "path",
        "max_bytes",
        "name",
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
    load: Loader::Graph { load, split: NodeSplit::Standard, test_fraction: 0.2 },
};

/// Validation nodes of the standard split: those that follow the training nodes.
const VALIDATION: u32 = 500;

fn load(source: &Source) -> Result<GraphParts> {
    let folder = source.need("path", &source.config.path)?;
    let name = source.config.name.as_deref();
    let name = name.ok_or_else(|| Error::input("data.name: the loader `planetoid` needs it, e.g. \"cora\""))?;
    let files = Files { folder: &folder, name, limit: &source.limit };
    let (all, train, tested) = (files.part("allx", "ally")?, files.part("x", "y")?, files.part("tx", "ty")?);
    for (part, x, y) in [(&train, "x", "y"), (&tested, "tx", "ty")] {
        files.same("columns", (x, part.words.cols), ("allx", all.words.cols))?;
        files.same("classes", (y, part.classes), ("ally", all.classes))?;
    }
    let known = all.words.rows;
    if train.words.rows > known {
        let (path, count) = (files.path("x"), train.words.rows);
        return Err(Error::input(format!("{}: {count} training nodes, but allx has {known}", path.display())));
    }
    let mut test = test_ids(&files.path("test.index"), known, tested.words.rows, &source.limit)?;
    let nodes = test.iter().max().map_or(known, |&last| last as usize + 1);
    // Row k of tx is the node in line k of test.index. Ids that no line names are papers without words or class.
    let mut rows: Vec<Vec<(u32, f32)>> = (0..known).map(|row| all.words.row(row)).collect();
    let mut labels = all.labels;
    rows.resize(nodes, vec![]);
    labels.resize(nodes, UNLABELLED);
    for (row, &node) in test.iter().enumerate() {
        rows[node as usize] = tested.words.row(row);
        labels[node as usize] = tested.labels[row];
    }
    let (first, last) = (train.words.rows as u32, known as u32);
    test.sort_unstable();
    Ok(GraphParts {
        name: name.to_owned(),
        origin: format!("{}/ind.{name}.*", folder.display()),
        class_names: numbered(&(0..all.classes as u32).collect::<Vec<_>>()),
        graph: Graph::new(
            nodes,
            edges(&files.path("graph"), nodes, &source.limit)?,
            true,
            Sparse::from_rows(all.words.cols, rows),
        )?,
        split: Some(Plan {
            train: (0..first).collect(),
            validation: (first..last.min(first + VALIDATION)).collect(),
            test,
        }),
        labels,
        classes: Classes::Declared,
        vocabulary: Vocabulary::Given,
        graphs: None,
        names: None,
    })
}

struct Files<'a> {
    folder: &'a Path,
    name: &'a str,
    limit: &'a Limit,
}

/// A file of features and the file of their classes.
struct Part {
    words: Matrix,
    classes: usize,
    labels: Vec<u32>,
}

impl Files<'_> {
    fn path(&self, part: &str) -> PathBuf {
        self.folder.join(format!("ind.{}.{part}", self.name))
    }

    fn part(&self, x: &str, y: &str) -> Result<Part> {
        let words = Pickle::read(&self.path(x), self.limit)?.matrix()?;
        let (classes, labels) = classes(&self.path(y), self.limit)?;
        self.same("rows", (x, words.rows), (y, labels.len()))?;
        Ok(Part { words, classes, labels })
    }

    /// Refuses two files whose numbers of `what` differ.
    fn same(&self, what: &str, (a, of_a): (&str, usize), (b, of_b): (&str, usize)) -> Result<()> {
        if of_a == of_b {
            return Ok(());
        }
        let (a, b) = (self.path(a), self.path(b));
        Err(Error::input(format!("{} has {of_a} {what}, but {} has {of_b}", a.display(), b.display())))
    }
}

/// The number of classes and the class of each row, from one-hot rows; a row of zeros has none.
fn classes(path: &Path, limit: &Limit) -> Result<(usize, Vec<u32>)> {
    let Array { shape, values } = Pickle::read(path, limit)?.array()?;
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
    Ok((classes, (0..rows).map(label).collect::<Result<_>>()?))
}

/// The node of each row of tx.
fn test_ids(path: &Path, first: usize, rows: usize, limit: &Limit) -> Result<Vec<u32>> {
    let bytes = Bytes::open(path, limit)?.rest()?;
    let text = String::from_utf8_lossy(&bytes);
    let mut ids: Vec<u32> = vec![];
    // Papers without words are few; an id far off would make that many nodes.
    let end = first + 2 * rows + 1000;
    let mut seen = vec![false; end];
    for (at, line) in text.lines().enumerate() {
        let fail = |why: &str| Err(Error::input(format!("{} line {}: {why}", path.display(), at + 1)));
        let Ok(id) = line.trim().parse::<u32>() else { return fail(&format!("`{}` is not a node id", line.trim())) };
        if (id as usize) < first || id as usize >= end {
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

fn edges(path: &Path, nodes: usize, limit: &Limit) -> Result<Vec<[u32; 2]>> {
    let known = |id: i64| u32::try_from(id).ok().filter(|&id| (id as usize) < nodes);
    let mut pairs = vec![];
    for (from, neighbours) in Pickle::read(path, limit)?.lists()? {
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
