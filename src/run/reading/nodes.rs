//! Nodes of a graph, or graphs of a collection: one table of all of them.

use std::borrow::Cow;

use super::{Said, Subject, all_classes, gather, row};
use crate::data::{Dataset, Deletion, GraphData, Portion};
use crate::engine::Engine;
use crate::error::Result;
use crate::eval::graph::likeness;
use crate::eval::{Evaluation, GraphFacts, Outputs, SplitName};
use crate::nn::Model;
use crate::records::Reader;
use crate::run::target::Target;

pub(super) struct Nodes<'a> {
    data: &'a Dataset,
    graph: &'a GraphData,
    target: Option<&'a Target>,
    witness: Option<Witness>,
}

impl<'a> Nodes<'a> {
    pub fn of(data: &'a Dataset, graph: &'a GraphData, target: Option<&'a Target>) -> Nodes<'a> {
        Nodes { data, graph, target, witness: Witness::of(graph, target) }
    }

    /// Ids of the records of each split.
    fn splits(&self) -> Vec<(SplitName, &[u32])> {
        let graph = self.graph;
        let mut all: Vec<(SplitName, &[u32])> = vec![
            (SplitName::Train, &graph.train),
            (SplitName::Validation, &graph.validation),
            (SplitName::Test, &graph.test),
        ];
        if let Some(target) = self.target {
            all.push((SplitName::Retain, &target.split.retain));
            all.push((SplitName::Forget, &target.split.forget));
        }
        all
    }
}

impl Nodes<'_> {
    /// Logits over all classes, before the request and as the model stands.
    fn said<'s>(&self, said: &'s Said) -> (Cow<'s, [f32]>, Cow<'s, [f32]>) {
        (all_classes(self.data, &said.before), all_classes(self.data, said.latest()))
    }

    /// The outputs of some records. Deleted nodes are fed on the graph that still has them: on the other there is
    /// nothing to feed.
    fn outputs(&self, before: &[f32], latest: &[f32], ids: &[u32]) -> Outputs {
        let deletion = self.target.and_then(Target::deletion);
        let gone = |id: u32| deletion.is_some_and(|d| d.nodes.binary_search(&id).is_ok());
        gather(|id| if gone(id) { before } else { latest }, &self.graph.labels, self.data.classes, ids)
    }
}

impl Subject for Nodes<'_> {
    fn open<'e>(
        &self,
        engine: &'e mut Engine,
        model: &'e Model,
        _table: usize,
        theta: &[f32],
    ) -> Result<(Reader<'e>, Vec<u32>)> {
        let deletion = self.target.and_then(Target::deletion);
        let ids = (0..self.graph.labels.len() as u32).collect();
        Ok((Reader::graph(engine, model, self.graph, deletion, theta)?, ids))
    }

    fn changes(&self, _table: usize) -> bool {
        self.target.and_then(Target::deletion).is_some()
    }

    fn logits(&self, said: &[Said], portion: Portion) -> Result<Vec<f32>> {
        let name = [SplitName::Train, SplitName::Validation, SplitName::Test][portion as usize];
        let ids = self.splits().into_iter().find(|(split, _)| *split == name).map_or(&[][..], |(_, ids)| ids);
        let (before, latest) = self.said(&said[0]);
        Ok(self.outputs(&before, &latest, ids).logits)
    }

    fn evaluation(&self, said: &[Said]) -> Result<Evaluation> {
        let (before, latest) = self.said(&said[0]);
        let classes = self.data.classes;
        let mut evaluation = Evaluation::new();
        for (name, ids) in self.splits() {
            evaluation.insert(name, self.outputs(&before, &latest, ids))?;
        }
        if let Some(witness) = &self.witness {
            evaluation.set_graph(witness.facts(&latest, classes));
        }
        Ok(evaluation)
    }
}

/// Each deleted edge between nodes that stay once, and as many pairs that never had one.
pub(super) fn pairs(data: &GraphData, deletion: &Deletion) -> [Vec<[u32; 2]>; 2] {
    // The edges of a deleted node are no secret of their own.
    let stays = |v: u32| deletion.nodes.binary_search(&v).is_err();
    let once = |[u, v]: &&[u32; 2]| stays(*u) && stays(*v) && u != v && (u < v || !data.graph.undirected);
    let deleted: Vec<[u32; 2]> = deletion.edges.iter().filter(once).copied().collect();
    let never = data.strangers(deleted.len());
    [deleted, never]
}

/// What every model is asked about a request on a graph.
struct Witness {
    test_hops: Vec<u32>,
    /// Pairs of which the request deletes the edge, and as many that never had one.
    deleted: Vec<[u32; 2]>,
    never: Vec<[u32; 2]>,
    planted: Option<u32>,
}

impl Witness {
    fn of(data: &GraphData, target: Option<&Target>) -> Option<Witness> {
        let target = target?.graph.as_ref()?;
        let deletion = &target.deletion;
        let test_hops = data.test.iter().map(|id| target.hops[*id as usize]).collect();
        let [deleted, never] = pairs(data, deletion);
        let all_planted = !deletion.nodes.is_empty() && deletion.nodes.iter().all(|v| data.planted.contains(v));
        let planted = all_planted.then(|| data.labels[deletion.nodes[0] as usize]);
        Some(Witness { test_hops, deleted, never, planted })
    }

    fn facts(&self, logits: &[f32], classes: usize) -> GraphFacts {
        let alike = |pairs: &[[u32; 2]]| {
            let each = pairs.iter().map(|[u, v]| likeness(row(logits, classes, *u), row(logits, classes, *v)));
            each.collect()
        };
        GraphFacts {
            test_hops: self.test_hops.clone(),
            deleted_edges: alike(&self.deleted),
            never_edges: alike(&self.never),
            planted: self.planted,
        }
    }
}
