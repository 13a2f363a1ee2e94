//! Stochastic block models: communities made up from a seed, the same on every platform.

use std::collections::HashSet;

use super::vocabulary::Vocabulary;
use super::{Graph, GraphParts, NodeSplit, Sparse};
use crate::base::splitmix::SplitMix64;
use crate::data::parts::Classes;
use crate::data::source::Source;
use crate::data::{DatasetRow, Loader, Normalize};
use crate::error::{Error, Result};

pub(crate) static ROW: DatasetRow = DatasetRow {
    name: "sbm",
    summary: "a stochastic block model made up from a seed: `nodes` in `classes` communities, edges between \
              `p_in` of the pairs inside one and `p_out` of those across; each of `features` words is in a node with \
              probability 0.3 (words of its class) or 0.1",
    citation: "P. Holland, K. Laskey, S. Leinhardt: Stochastic blockmodels: first steps, Social Networks 5(2), 1983",
    licence: "none needed",
    keys: &[
        "nodes",
        "classes",
        "p_in",
        "p_out",
        "features",
        "seed",
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

/// More values of features than this is taken for a slip.
const MOST: f64 = 2e7;
/// More edges, too.
const MOST_EDGES: f64 = 1e7;
/// Every pair of classes is a block.
const MOST_CLASSES: usize = 1024;
/// Word c belongs to class c mod `classes`.
const OWN_WORD: f64 = 0.3;
const OTHER_WORD: f64 = 0.1;

fn load(source: &Source) -> Result<GraphParts> {
    let config = source.config;
    let (Some(nodes), Some(classes), Some(p_in), Some(p_out), Some(features), Some(seed)) =
        (config.nodes, config.classes, config.p_in, config.p_out, config.features, config.seed)
    else {
        return Err(Error::internal("the sbm loader needs a resolved configuration"));
    };
    for (key, p) in [("p_in", p_in), ("p_out", p_out)] {
        if !(0.0..=1.0).contains(&p) {
            return Err(Error::input(format!("data.{key}: {p} is not a probability; expected 0 to 1")));
        }
    }
    if classes < 2 || classes > nodes.min(MOST_CLASSES) {
        return Err(Error::input(format!(
            "data.classes: {classes}; expected 2 to data.nodes ({nodes}), and at most {MOST_CLASSES}"
        )));
    }
    if features == 0 || nodes as f64 * features as f64 > MOST {
        return Err(Error::input(format!("data.features: {features} for {nodes} nodes; expected 1 to {MOST} values")));
    }
    let of = |a: usize| (a..classes).map(move |b| (Block { a, b, classes, nodes }, if a == b { p_in } else { p_out }));
    let blocks: Vec<(Block, f64)> = (0..classes).flat_map(of).collect();
    let wanted: f64 = blocks.iter().map(|(block, p)| block.wanted(*p)).sum();
    if wanted > MOST_EDGES {
        return Err(Error::input(format!("data.p_in, data.p_out: {wanted} edges; at most {MOST_EDGES} are made")));
    }
    let mut rng = SplitMix64::new(seed);
    let labels: Vec<u32> = (0..nodes).map(|node| (node % classes) as u32).collect();
    let pairs = blocks.iter().flat_map(|(block, p)| block.draw(*p, &mut rng)).collect();
    let word = |class: u32, column: usize| if column % classes == class as usize { OWN_WORD } else { OTHER_WORD };
    let rows = labels.iter().map(|&class| {
        let there = (0..features).filter(|&column| rng.uniform() < word(class, column));
        there.map(|column| (column as u32, 1.0)).collect()
    });
    let features = Sparse::from_rows(features, rows.collect::<Vec<_>>());
    Ok(GraphParts {
        name: "sbm".to_owned(),
        origin: "sbm".to_owned(),
        class_names: (0..classes).map(|class| class.to_string()).collect(),
        graph: Graph::new(nodes, pairs, true, features)?,
        labels,
        classes: Classes::Declared,
        vocabulary: Vocabulary::Given,
        graphs: None,
        split: None,
        names: None,
    })
}

/// Pairs of a node of class `a` and one of class `b`; the members of class c are c, c + classes, c + 2 · classes, …
struct Block {
    a: usize,
    b: usize,
    classes: usize,
    nodes: usize,
}

impl Block {
    fn members(&self, class: usize) -> usize {
        (self.nodes - class).div_ceil(self.classes)
    }

    /// Pairs that there are.
    fn all(&self) -> f64 {
        let (m, n) = (self.members(self.a) as f64, self.members(self.b) as f64);
        if self.a == self.b { m * (n - 1.0) / 2.0 } else { m * n }
    }

    /// Pairs that become edges.
    fn wanted(&self, p: f64) -> f64 {
        (p * self.all()).round()
    }

    /// Round(p · pairs) different pairs: the number is not drawn, so that no logarithm, whose last bits differ by
    /// platform, is needed to skip through large sparse blocks.
    fn draw(&self, p: f64, rng: &mut SplitMix64) -> Vec<[u32; 2]> {
        let (m, n, all, wanted) = (self.members(self.a), self.members(self.b), self.all(), self.wanted(p));
        let pair = |i: usize, j: usize| [(self.a + i * self.classes) as u32, (self.b + j * self.classes) as u32];
        let inside = |i: usize, j: usize| self.a != self.b || i < j;
        if 2.0 * wanted > all {
            let each = (0..m).flat_map(|i| (0..n).filter(move |&j| inside(i, j)).map(move |j| pair(i, j)));
            let mut each: Vec<[u32; 2]> = each.collect();
            rng.shuffle(&mut each);
            each.truncate(wanted as usize);
            return each;
        }
        let mut drawn = HashSet::new();
        let mut out = vec![];
        while out.len() < wanted as usize {
            let (i, j) = (rng.below(m), rng.below(n));
            if inside(i, j) && drawn.insert((i, j)) {
                out.push(pair(i, j));
            }
        }
        out
    }
}
