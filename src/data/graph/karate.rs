//! Zachary's karate club, which comes with the program.

use super::vocabulary::Vocabulary;
use super::{Graph, GraphParts, NodeSplit, Sparse};
use crate::data::parts::Classes;
use crate::data::source::Source;
use crate::data::{DatasetRow, Loader, Normalize};
use crate::error::{Error, Result};

static EDGES: &str = include_str!("../../../assets/data/karate/karate_edges.txt");
static LABELS: &str = include_str!("../../../assets/data/karate/karate_labels.txt");

pub(crate) static ROW: DatasetRow = DatasetRow {
    name: "karate",
    summary: "34 members of a club that split in two, 78 friendships; embedded; the features are the identity",
    citation: "W. Zachary: An information flow model for conflict and fission in small groups, J. Anthropological \
               Research 33, 1977",
    licence: "BSD-3-Clause (the package that ships this copy)",
    keys: super::NODE_KEYS,
    normalize: Normalize::Row,
    load: Loader::Graph { load, split: NodeSplit::Random, test_fraction: 0.5 },
};

fn load(_: &Source) -> Result<GraphParts> {
    let broken = |line: &str| Error::internal(format!("the embedded karate club is broken: {line}"));
    let number = |line: &'static str, at: usize| {
        line.split(' ').nth(at).and_then(|word| word.parse::<u32>().ok()).ok_or_else(|| broken(line))
    };
    let pairs = EDGES.lines().map(|line| Ok([number(line, 0)?, number(line, 1)?])).collect::<Result<Vec<_>>>()?;
    // A line is `node club`; nodes come in order.
    let labels: Vec<u32> = LABELS.lines().map(|line| u32::from(!line.ends_with("Mr._Hi"))).collect();
    Ok(GraphParts {
        name: "karate".to_owned(),
        origin: "karate (embedded)".to_owned(),
        class_names: vec!["Mr. Hi".to_owned(), "Officer".to_owned()],
        graph: Graph::new(labels.len(), pairs, true, Sparse::identity(labels.len()))?,
        labels,
        classes: Classes::Declared,
        vocabulary: Vocabulary::Given,
        graphs: None,
        split: None,
        names: None,
    })
}
