//! Records that are links: the training edges of a graph, and held-out pairs. Nodes are what the network sees.

use super::batch::{Load, Loaded, Pairs, Shape, Targets, Use};
use super::drawn::Drawn;
use super::nodes::Nodes;
use super::objective::{LINK, Objective};
use super::part::{Part, Records};
use super::resident::Resident;
use super::resident_graph::MaskedEdges;
use super::rows::check_places;
use super::subgraph::Sparsity;
use crate::data::{Deletion, HeldOut, Sight};
use crate::engine::{Buf, Engine, Recording};
use crate::error::{Error, Result};
use crate::kernels::graph::{Csr, is_heavy};

pub(crate) struct Links {
    /// Read as embeddings: their logits are asked for, never a loss.
    nodes: Nodes,
    before: Edges,
    now: Edges,
    /// Held-out edges, and as many pairs without one.
    validation: [Csr; 2],
}

/// The training edges at one time.
struct Edges {
    /// ½ for each directed edge of the graph, 0 for added self-loops and deleted edges.
    weight: Buf<f32>,
    /// Undirected.
    count: usize,
}

impl Links {
    /// # Errors
    /// No memory; a graph with a held-out edge in it, along which messages would tell the answer.
    pub fn upload(
        engine: &mut Engine,
        (seen, held_out): (&Sight, &HeldOut),
        deletion: Option<&Deletion>,
        hops: usize,
    ) -> Result<Links> {
        if let Some([u, v]) = held_out.leak {
            return Err(Error::internal(format!(
                "edge [{u},{v}] is held out, but the graph carries messages along it"
            )));
        }
        let nodes = Nodes::upload(engine, seen, deletion, hops)?;
        let (edges, [before, now]) = nodes.graph.weights();
        let (before, now) = (Edges::upload(engine, edges, before)?, Edges::upload(engine, edges, now)?);
        let mut pairs = |list| upload_pairs(engine, seen.graph.nodes, list);
        let validation = [pairs(held_out.edges)?, pairs(held_out.never)?];
        Ok(Links { nodes, before, now, validation })
    }

    fn pairs(&self, part: Part, records: usize) -> Result<Pairs> {
        let edges = match part {
            Part::Validation => return Ok(Pairs::HeldOut(self.validation)),
            part if part.is_before() => &self.before,
            _ => &self.now,
        };
        if records != edges.count {
            return Err(Error::input(format!(
                "a step of link prediction takes all {} training edges, not {records} of them",
                edges.count
            )));
        }
        Ok(Pairs::Edges { weight: edges.weight, count: edges.count })
    }

    fn load_all(indices: &[u32]) -> Load {
        Load { shape: Shape::Links(indices.len()), inputs: Vec::new(), recurs: true }
    }
}

impl Edges {
    /// Edges by target and their weights.
    fn upload(engine: &mut Engine, edges: &Sparsity, weight: &[f32]) -> Result<Edges> {
        let mut half = vec![0.0; weight.len()];
        for v in 0..edges.rows() as u32 {
            edges.row(v).filter(|e| edges.idx[*e] != v).filter(|e| weight[*e] != 0.0).for_each(|e| half[e] = 0.5);
        }
        let weight = engine.alloc("link weight", half.len())?;
        engine.write(weight, &half)?;
        Ok(Edges { weight, count: half.iter().filter(|w| **w != 0.0).count() / 2 })
    }
}

/// Ascending pairs [u, v] as rows u with the columns v.
fn upload_pairs(engine: &mut Engine, nodes: usize, pairs: &[[u32; 2]]) -> Result<Csr> {
    let ptr: Vec<u32> = (0..=nodes as u32).map(|u| pairs.partition_point(|pair| pair[0] < u) as u32).collect();
    let idx: Vec<u32> = pairs.iter().map(|pair| pair[1]).collect();
    let (to_ptr, to_idx) = (engine.alloc("pairs.ptr", ptr.len())?, engine.alloc("pairs.idx", idx.len())?);
    engine.write(to_ptr, &ptr)?;
    engine.write(to_idx, &idx)?;
    Ok(Csr { ptr: to_ptr, idx: to_idx, perm: None, heavy: is_heavy(&ptr) })
}

impl Resident for Links {
    fn ids(&self, part: Part) -> Vec<u32> {
        self.nodes.ids(part)
    }

    fn check(&self, records: Records, labelled: bool) -> Result<()> {
        match records.part {
            Part::Validation => check_places(records, self.len(Part::Validation)),
            _ if labelled => Err(Error::input(
                "link prediction (data.task = \"link\") has no loss of single training records: its loss is that of \
                    all training edges and of negatives drawn in each step",
            )),
            _ => self.nodes.check(records, false),
        }
    }

    fn labels(&self) -> Result<&[u32]> {
        Err(Error::internal("links have no classes"))
    }

    fn objective(&self) -> &'static Objective {
        &LINK
    }

    fn pieces(&self, records: Records, most: usize, how: Use) -> Vec<Vec<u32>> {
        match records.part {
            Part::Validation => vec![records.indices.to_vec()],
            _ => self.nodes.pieces(records, most, how),
        }
    }

    fn load(&self, part: Part, indices: &[u32], how: Use) -> Load {
        match part {
            Part::Validation => Links::load_all(indices),
            _ => self.nodes.load(part, indices, how),
        }
    }

    fn load_step(&self, _: Part, indices: &[u32], _: &[usize], _: &mut dyn FnMut(usize) -> usize) -> Load {
        Links::load_all(indices)
    }

    fn step_records(&self, _batch_size: usize, fanout: &[usize]) -> Result<usize> {
        match fanout {
            [] => Ok(usize::MAX),
            _ => Err(Error::input(
                "train.fanout: link prediction takes the whole graph in every step; leave the key out",
            )),
        }
    }

    fn record(
        &self,
        engine: &mut Engine,
        rec: &mut Recording,
        part: Part,
        shape: &Shape,
        drawn: Option<&Drawn>,
    ) -> Result<Loaded> {
        match *shape {
            Shape::Links(n) => {
                Ok(Loaded { n, batch: self.nodes.graph.whole(part), targets: Targets::Pairs(self.pairs(part, n)?) })
            }
            _ => self.nodes.record(engine, rec, part, shape, drawn),
        }
    }

    fn mask_edges(&self) -> Result<MaskedEdges> {
        self.nodes.mask_edges()
    }
}

#[cfg(test)]
mod tests;
