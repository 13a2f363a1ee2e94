//! Link prediction: a pair of nodes is a record of two classes, with the logits [0, z_u · z_v]. The table holds the
//! nodes, whose outputs are embeddings.

use super::{Said, Subject, row};
use crate::data::{GraphData, Portion};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::eval::{Evaluation, LinkFacts, Outputs, SplitName};
use crate::nn::Model;
use crate::records::Reader;
use crate::run::target::Target;

/// The parts of training hold edges alone.
pub(super) struct Links<'a> {
    pub graph: &'a GraphData,
    pub target: Option<&'a Target>,
    /// Of an embedding.
    pub columns: usize,
}

/// Pairs of nodes, and how many of them, the first ones, are edges.
struct Pairs {
    pairs: Vec<[u32; 2]>,
    edges: usize,
}

impl Pairs {
    fn of(edges: &[[u32; 2]], never: &[[u32; 2]]) -> Pairs {
        Pairs { pairs: [edges, never].concat(), edges: edges.len() }
    }
}

impl Links<'_> {
    fn splits(&self) -> Vec<(SplitName, Pairs)> {
        let (links, train) = (&self.graph.held_out, self.graph.graph.distinct_edges());
        let some = |ids: &[u32]| Pairs::of(&ids.iter().map(|id| train[*id as usize]).collect::<Vec<_>>(), &[]);
        let mut all = vec![
            (SplitName::Validation, Pairs::of(&links.validation, &links.validation_never)),
            (SplitName::Test, Pairs::of(&links.test, &links.test_never)),
        ];
        if let Some(target) = self.target {
            all.push((SplitName::Retain, some(&target.split.retain)));
            all.push((SplitName::Forget, some(&target.split.forget)));
        }
        all.push((SplitName::Train, Pairs::of(&train, &[])));
        all
    }

    /// z_u · z_v.
    fn score(&self, z: &[f32], [u, v]: [u32; 2]) -> f64 {
        let row = |node: u32| row(z, self.columns, node);
        row(u).iter().zip(row(v)).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
    }

    fn outputs(&self, z: &[f32], Pairs { pairs, edges }: &Pairs) -> Outputs {
        let logits = pairs.iter().flat_map(|pair| [0.0, self.score(z, *pair) as f32]).collect();
        let labels = (0..pairs.len()).map(|i| u32::from(i < *edges)).collect();
        Outputs { logits, labels, classes: 2, goals: None }
    }

    fn facts(&self, z: &[f32]) -> LinkFacts {
        let deletion = self.target.and_then(Target::deletion);
        let edges = deletion.map_or(&[][..], |d| &d.edges);
        let deleted: Vec<[u32; 2]> = edges.iter().copied().filter(|[u, v]| u < v).collect();
        let never = self.graph.strangers(deleted.len());
        let scores = |pairs: &[[u32; 2]]| pairs.iter().map(|pair| self.score(z, *pair)).collect();
        LinkFacts { deleted: scores(&deleted), never: scores(&never) }
    }
}

/// Why there are no logits.
pub(super) fn no_classes() -> Error {
    Error::input("records are links (data.task = \"link\"), which have a score each and no logits of classes")
}

impl Subject for Links<'_> {
    fn open<'e>(
        &self,
        engine: &'e mut Engine,
        model: &'e Model,
        _table: usize,
        theta: &[f32],
    ) -> Result<(Reader<'e>, Vec<u32>)> {
        let deletion = self.target.and_then(Target::deletion);
        let nodes = (0..self.graph.graph.nodes as u32).collect();
        Ok((Reader::graph(engine, model, self.graph, deletion, theta)?, nodes))
    }

    fn changes(&self, _table: usize) -> bool {
        self.target.and_then(Target::deletion).is_some()
    }

    fn logits(&self, _said: &[Said], _portion: Portion) -> Result<Vec<f32>> {
        Err(no_classes())
    }

    fn evaluation(&self, said: &[Said]) -> Result<Evaluation> {
        let z = said[0].latest();
        let mut evaluation = Evaluation::new();
        evaluation.set_links(self.facts(z));
        self.splits().iter().try_for_each(|(name, pairs)| evaluation.insert(*name, self.outputs(z, pairs)))?;
        Ok(evaluation)
    }
}
