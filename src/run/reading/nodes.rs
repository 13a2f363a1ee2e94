//! Nodes of a graph, or graphs of a collection: one table of all of them.

use super::{Said, Subject, all_classes, gather, row};
use crate::data::{Dataset, GraphData};
use crate::engine::Engine;
use crate::error::Result;
use crate::eval::graph::likeness;
use crate::eval::{Evaluation, GraphFacts, SplitName};
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

    fn changes(&self) -> bool {
        self.target.and_then(Target::deletion).is_some()
    }

    fn evaluation(&self, said: &[Said]) -> Result<Evaluation> {
        let deletion = self.target.and_then(Target::deletion);
        let (before, latest) = (all_classes(self.data, &said[0].before), all_classes(self.data, said[0].latest()));
        let classes = self.data.classes;
        let mut evaluation = Evaluation::new();
        // Deleted nodes are fed on the graph that still has them: on the other there is nothing to feed.
        let gone = |id: u32| deletion.is_some_and(|d| d.nodes.binary_search(&id).is_ok());
        let source = |id: u32| if gone(id) { &before[..] } else { &latest[..] };
        for (name, ids) in self.splits() {
            evaluation.insert(name, gather(source, &self.graph.labels, classes, ids))?;
        }
        if let Some(witness) = &self.witness {
            evaluation.set_graph(witness.facts(&latest, classes));
        }
        Ok(evaluation)
    }
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
        // The edges of a deleted node are no secret of their own.
        let stays = |v: u32| deletion.nodes.binary_search(&v).is_err();
        let once = |[u, v]: &&[u32; 2]| stays(*u) && stays(*v) && u != v && (u < v || !data.graph.undirected);
        let deleted: Vec<[u32; 2]> = deletion.edges.iter().filter(once).copied().collect();
        let never = data.strangers(deleted.len());
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
