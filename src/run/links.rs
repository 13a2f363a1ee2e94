//! Reads models of link prediction: a pair of nodes is a record of two classes, with the logits [0, z_u · z_v].

use super::reading::{Reading, strangers};
use super::target::Target;
use crate::data::{GraphData, Links};
use crate::engine::Engine;
use crate::error::Result;
use crate::eval::{Evaluation, LinkFacts, Outputs, SplitName};
use crate::nn::Model;
use crate::records::{Part, Records, Session};
use crate::statistics;

/// Pairs of nodes, and whether they are edges.
#[derive(Default)]
struct Pairs {
    pairs: Vec<[u32; 2]>,
    edges: usize,
}

impl Pairs {
    fn of(edges: &[[u32; 2]], never: &[[u32; 2]]) -> Pairs {
        Pairs { pairs: [edges, never].concat(), edges: edges.len() }
    }

    fn outputs(&self, z: &Embeddings) -> Outputs {
        let logits = self.pairs.iter().flat_map(|pair| [0.0, z.score(*pair) as f32]).collect();
        Outputs { logits, labels: (0..self.pairs.len()).map(|i| u32::from(i < self.edges)).collect(), classes: 2 }
    }
}

/// Rows [nodes, cols].
struct Embeddings {
    rows: Vec<f32>,
    cols: usize,
}

impl Embeddings {
    fn score(&self, [u, v]: [u32; 2]) -> f64 {
        let row = |node: u32| &self.rows[node as usize * self.cols..][..self.cols];
        row(u).iter().zip(row(v)).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
    }
}

/// As [`super::reading::evaluate`]. The parts of training hold edges alone.
pub(super) fn on_links(
    engine: &mut Engine,
    model: &Model,
    (graph, links): (&GraphData, &Links),
    target: Option<&Target>,
    readings: &[Reading],
) -> Result<Vec<Result<Evaluation>>> {
    let Some(first) = readings.first() else { return Ok(Vec::new()) };
    let nodes: Vec<u32> = (0..graph.graph.nodes as u32).collect();
    let deletion = target.and_then(Target::deletion);
    let deleted: Vec<[u32; 2]> = deletion.map_or(vec![], |d| d.edges.iter().copied().filter(|[u, v]| u < v).collect());
    let never = strangers(graph, deleted.len());
    let splits = splits(graph, links, target);
    let mut session = Session::on_graph(engine, model, graph, deletion, first.theta)?;
    let mut all = Vec::new();
    for reading in readings {
        session.write_theta(reading.theta)?;
        let part = if reading.forgot { Part::Train } else { Part::Before };
        let rows = statistics::logits(&mut session, Records { part, indices: &nodes })?;
        let z = Embeddings { rows, cols: model.classes };
        let mut evaluation = Evaluation::new();
        let scores = |pairs: &[[u32; 2]]| pairs.iter().map(|pair| z.score(*pair)).collect();
        evaluation.set_links(LinkFacts { deleted: scores(&deleted), never: scores(&never) });
        let outcome = splits.iter().try_for_each(|(name, pairs)| evaluation.insert(*name, pairs.outputs(&z)));
        all.push(outcome.map(|()| evaluation));
    }
    Ok(all)
}

fn splits(graph: &GraphData, links: &Links, target: Option<&Target>) -> Vec<(SplitName, Pairs)> {
    let train = graph.graph.distinct_edges();
    let some = |ids: &[u32]| Pairs::of(&ids.iter().map(|id| train[*id as usize]).collect::<Vec<_>>(), &[]);
    let mut all = vec![
        (SplitName::Validation, Pairs::of(&links.validation, &links.validation_never)),
        (SplitName::Test, Pairs::of(&links.test, &links.test_never)),
    ];
    if let Some(target) = target {
        all.push((SplitName::Retain, some(&target.split.retain)));
        all.push((SplitName::Forget, some(&target.split.forget)));
    }
    all.push((SplitName::Train, Pairs::of(&train, &[])));
    all
}
