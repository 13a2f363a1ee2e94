//! Records that are the nodes of one graph, read together on the whole of it or each in its own surroundings.

use super::batch::{Load, Loaded, Shape, Targets, Use};
use super::classes::Classes;
use super::drawn::Drawn;
use super::objective::{CROSS_ENTROPY, Objective};
use super::part::{Part, Records};
use super::resident::{Resident, check_fanout};
use super::resident_graph::{MaskedEdges, ResidentGraph, Side};
use super::rows::upload;
use super::subgraph::SubGraph;
use crate::data::{Deletion, Sight};
use crate::engine::{Engine, Recording};
use crate::error::{Error, Result};
use crate::nn::Batch;

pub(crate) struct Nodes {
    pub(super) graph: ResidentGraph,
    classes: Classes,
    /// Edges that a message travels in the network.
    hops: usize,
}

impl Nodes {
    /// Uploads the graph as it is and what a deletion leaves of it.
    ///
    /// # Errors
    /// No memory.
    pub fn upload(engine: &mut Engine, seen: &Sight, deletion: Option<&Deletion>, hops: usize) -> Result<Nodes> {
        let graph = ResidentGraph::upload(engine, seen.graph, deletion)?;
        let classes = Classes::upload(engine, "node", seen)?;
        Ok(Nodes { graph, classes, hops })
    }

    /// The surroundings of each record.
    fn around(&self, side: &Side, records: &[u32]) -> SubGraph {
        SubGraph::around(&self.graph.host(side), records, self.hops)
    }

    /// A sampled neighbourhood as it is, not rounded up.
    pub(super) fn sampled(
        &self,
        part: Part,
        seeds: &[u32],
        fanout: &[usize],
        draw: impl FnMut(usize) -> usize,
    ) -> SubGraph {
        SubGraph::sampled(&self.graph.host(self.graph.side(part)), seeds, fanout, draw)
    }

    /// Classes that a step keeps on the engine, with the nodes that have them.
    fn record_fixed(&self, engine: &mut Engine, part: Part, ids: &[u32], drawn: Option<&Drawn>) -> Result<Loaded> {
        let idx = engine.alloc("records", ids.len())?;
        engine.write(idx, ids)?;
        let labels = engine.alloc("labels", ids.len())?;
        engine.write(labels, &self.classes.of(ids, drawn))?;
        let batch = Batch { seeds: Some(idx), ..self.graph.whole(part) };
        Ok(Loaded { n: ids.len(), batch, targets: Targets::Classes { ids: idx, labels } })
    }
}

impl Resident for Nodes {
    fn ids(&self, part: Part) -> Vec<u32> {
        self.classes.ids(part)
    }

    fn check(&self, records: Records, labelled: bool) -> Result<()> {
        self.classes.check(records, labelled)
    }

    fn labels(&self) -> Result<&[u32]> {
        Ok(self.classes.labels())
    }

    fn objective(&self) -> &'static Objective {
        &CROSS_ENTROPY
    }

    fn pieces(&self, records: Records, most: usize, how: Use) -> Vec<Vec<u32>> {
        match how {
            Use::Together => vec![records.indices.to_vec()],
            Use::Each => {
                let side = self.graph.side(records.part);
                ResidentGraph::pieces(records.indices, most, |record| self.around(side, &[record]).rows())
            }
        }
    }

    fn load(&self, part: Part, indices: &[u32], how: Use) -> Load {
        match how {
            Use::Together => Load::listed(indices),
            // Surroundings hardly ever have the same size twice.
            Use::Each => {
                let made = self.around(self.graph.side(part), indices);
                Load { recurs: false, ..self.graph.exact_load(indices, made, false) }
            }
        }
    }

    fn load_step(&self, part: Part, indices: &[u32], fanout: &[usize], draw: &mut dyn FnMut(usize) -> usize) -> Load {
        if fanout.is_empty() {
            let mut fixed = indices.to_vec();
            fixed.sort_unstable();
            return Load { shape: Shape::Fixed(fixed), inputs: Vec::new(), recurs: true };
        }
        let made = self.sampled(part, indices, fanout, draw);
        self.graph.rounded_load(indices, made, true)
    }

    fn step_records(&self, batch_size: usize, fanout: &[usize]) -> Result<usize> {
        check_fanout(fanout, Some(self.hops), self.hops)?;
        Ok(if fanout.is_empty() { usize::MAX } else { batch_size })
    }

    fn record(
        &self,
        engine: &mut Engine,
        rec: &mut Recording,
        part: Part,
        shape: &Shape,
        drawn: Option<&Drawn>,
    ) -> Result<Loaded> {
        let (n, cut) = match shape {
            Shape::Fixed(ids) => return self.record_fixed(engine, part, ids, drawn),
            Shape::Listed(n) => (*n, None),
            Shape::Part { size, records, sampled } => (*records, Some((*size, *sampled))),
            Shape::Links(_) | Shape::Tokens { .. } => {
                return Err(Error::internal("a batch of links, or of text, among nodes"));
            }
        };
        rec.enter("batch");
        let ids = upload(rec, n);
        let batch = match cut {
            Some((size, sampled)) => self.graph.cut(rec, part, size, sampled),
            None => Batch { seeds: Some(ids), ..self.graph.whole(part) },
        };
        let labels = self.classes.gather(rec, ids, drawn);
        rec.leave();
        Ok(Loaded { n, batch, targets: Targets::Classes { ids, labels } })
    }

    fn mask_edges(&self) -> Result<MaskedEdges> {
        Ok(self.graph.edges_left())
    }
}
