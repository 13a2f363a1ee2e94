//! The Cora citation network that comes with the program.

use std::collections::HashMap;
use std::io::Read;

use super::{Graph, GraphParts, NodeSplit, Sparse};
use crate::data::source::Source;
use crate::data::{DatasetRow, Loader, Normalize};
use crate::error::{Error, Result};

static CONTENT: &[u8] = include_bytes!("../../../assets/data/cora/cora.content.gz");
static CITES: &str = include_str!("../../../assets/data/cora/cora.cites");

pub(crate) static ROW: DatasetRow = DatasetRow {
    name: "cora",
    summary: "2708 papers, 1433 words each there or not, 5278 citations (undirected), 7 subjects; embedded; node ids are the \
              places of the lines of cora.content",
    citation: "P. Sen et al.: Collective Classification in Network Data, AI Magazine 29(3), 2008",
    licence: "Apache-2.0 (the package that ships this copy)",
    keys: super::NODE_KEYS,
    normalize: Normalize::Row,
    load: Loader::Graph { load, split: NodeSplit::Planetoid, test_fraction: 0.2 },
};

const WORDS: usize = 1433;

fn load(_: &Source) -> Result<GraphParts> {
    let broken = |what: &str| Error::internal(format!("the embedded Cora is broken: {what}"));
    let mut text = String::new();
    flate2::read::GzDecoder::new(CONTENT).read_to_string(&mut text).map_err(|e| broken(&e.to_string()))?;
    let (mut node_of, mut rows, mut subjects) = (HashMap::new(), vec![], vec![]);
    for (line, node) in text.lines().zip(0u32..) {
        let (paper, rest) = line.split_once('\t').ok_or_else(|| broken(line))?;
        let (words, subject) = rest.rsplit_once('\t').ok_or_else(|| broken(paper))?;
        let there = words.split('\t').zip(0u32..).filter(|(word, _)| *word != "0");
        rows.push(there.map(|(_, word)| (word, 1.0)).collect());
        subjects.push(subject);
        node_of.insert(paper, node);
    }
    let mut names = subjects.clone();
    names.sort_unstable();
    names.dedup();
    let class = |subject: &&str| names.iter().position(|name| name == subject).unwrap_or_default() as u32;
    let labels = subjects.iter().map(class).collect();
    let node = |paper: &str| node_of.get(paper).copied().ok_or_else(|| broken(paper));
    let cites = CITES.lines().map(|line| {
        let (cited, citing) = line.split_once('\t').ok_or_else(|| broken(line))?;
        Ok([node(citing)?, node(cited)?])
    });
    let graph = Graph::new(rows.len(), cites.collect::<Result<_>>()?, true, Sparse::from_rows(WORDS, rows))?;
    Ok(GraphParts {
        name: "cora".to_owned(),
        origin: "cora (embedded)".to_owned(),
        class_names: names.into_iter().map(str::to_owned).collect(),
        graph,
        labels,
        graphs: None,
        split: None,
    })
}
