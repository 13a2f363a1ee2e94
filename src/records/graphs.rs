//! Records that are whole graphs of a collection, which lies on the engine as one block-diagonal graph.

use super::batch::{Load, Loaded, Shape, Targets, Use};
use super::classes::Classes;
use super::drawn::Drawn;
use super::objective::{CROSS_ENTROPY, Objective};
use super::part::{Part, Records};
use super::resident::{Resident, check_fanout};
use super::resident_graph::{ResidentGraph, Side};
use super::rows::upload;
use super::subgraph::SubGraph;
use crate::data::{Deletion, Sight};
use crate::engine::{Engine, Recording};
use crate::error::{Error, Result};

pub(crate) struct Graphs {
    pub(super) graph: ResidentGraph,
    classes: Classes,
    /// First node of each graph and the end of the last.
    ranges: Vec<u32>,
    /// Edges that a message travels in the network.
    hops: usize,
}

impl Graphs {
    /// Uploads all graphs; graph g has the nodes `ranges[g]..ranges[g + 1]`.
    ///
    /// # Errors
    /// No memory.
    pub fn upload(
        engine: &mut Engine,
        seen: &Sight,
        ranges: &[u32],
        deletion: Option<&Deletion>,
        hops: usize,
    ) -> Result<Graphs> {
        let graph = ResidentGraph::upload(engine, seen.graph, deletion)?;
        let classes = Classes::upload(engine, "graph", seen)?;
        Ok(Graphs { graph, classes, ranges: ranges.to_vec(), hops })
    }

    /// The graphs that are the records.
    pub(super) fn blocks(&self, side: &Side, records: &[u32]) -> SubGraph {
        SubGraph::graphs(&self.graph.host(side), &self.ranges, records)
    }
}

impl Resident for Graphs {
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

    fn pieces(&self, records: Records, most: usize, _how: Use) -> Vec<Vec<u32>> {
        let side = self.graph.side(records.part);
        ResidentGraph::pieces(records.indices, most, |record| self.blocks(side, &[record]).rows())
    }

    fn load(&self, part: Part, indices: &[u32], how: Use) -> Load {
        let made = self.blocks(self.graph.side(part), indices);
        Load { recurs: how == Use::Together, ..self.graph.exact_load(indices, made, false) }
    }

    fn load_step(&self, part: Part, indices: &[u32], _: &[usize], _: &mut dyn FnMut(usize) -> usize) -> Load {
        let made = self.blocks(self.graph.side(part), indices);
        self.graph.rounded_load(indices, made, false)
    }

    fn step_records(&self, batch_size: usize, fanout: &[usize]) -> Result<usize> {
        check_fanout(fanout, None, self.hops).map(|()| batch_size)
    }

    fn record(
        &self,
        _engine: &mut Engine,
        rec: &mut Recording,
        part: Part,
        shape: &Shape,
        drawn: Option<&Drawn>,
    ) -> Result<Loaded> {
        let Shape::Part { size, records: n, sampled } = *shape else {
            return Err(Error::internal("a batch of graphs is a part of all of them"));
        };
        rec.enter("batch");
        let ids = upload(rec, n);
        let batch = self.graph.cut(rec, part, size, sampled);
        let labels = self.classes.gather(rec, ids, drawn);
        rec.leave();
        Ok(Loaded { n, batch, targets: Targets::Classes { ids, labels } })
    }
}
