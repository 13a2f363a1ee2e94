//! Gradients of a graph whose edges are scaled by a mask: to the parameters and to the mask.

use super::load::Use;
use super::session::{Records, Session, Store};
use crate::engine::{Buf, Data, Recording};
use crate::error::{Error, Result};
use crate::kernels::map::{self, Binary};
use crate::nn::{Mode, Sink};

/// An edge of the graph that is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaskedEdge {
    /// Place of its value in a mask.
    pub place: usize,
    pub source: u32,
    pub target: u32,
}

impl Session<'_> {
    /// Length of a mask over a graph's edges, and those of the present graph that lie between different nodes. The other
    /// places hold self-loops and what was deleted.
    ///
    /// # Errors
    /// The data are not the nodes of a graph.
    pub fn mask_edges(&self) -> Result<(usize, Vec<MaskedEdge>)> {
        match &self.store {
            Store::Graph(g) if !g.of_graphs() => Ok(g.edges_left()),
            _ => Err(Error::internal("a mask over edges needs the nodes of a graph")),
        }
    }

    /// Records `grad = 1/N Σ ∇ loss_n` over nodes as training does it, dropout on, with the values Â of the symmetric norm
    /// scaled by `mask`, and `dmask` = the gradient to the mask, through `graph_conv` and `sgc` layers. Deleted edges have
    /// the value 0, and so no gradient. `step` holds the words of the step; the result gets the sum of losses and of right
    /// answers.
    pub fn record_edge_masked(
        &mut self,
        rec: &mut Recording,
        records: Records,
        [mask, dmask]: [Buf<f32>; 2],
        step: Buf<u32>,
    ) -> Result<(Vec<Data>, Buf<f32>)> {
        self.check_records(records, true)?;
        let load = self.load(records.part, records.indices, Use::Together);
        let mut batch = self.record_load(rec, records.part, &load.shape)?;
        let not_nodes = || Error::internal("a mask over edges needs the nodes of a graph");
        let structure = batch.structure_mut().ok_or_else(not_nodes)?;
        let sym = structure.sym;
        let (masked, slope) = (rec.temp("masked", sym.len), rec.temp("slope", sym.len));
        map::binary(rec, Binary::Mul, sym, mask, masked);
        map::fill(rec, slope, 0.0);
        (structure.sym, structure.slope) = (masked, Some(slope));
        let scored = self.record_losses(rec, &batch, Mode::Train, Some(step))?;
        let scale = (1.0 / scored.n.max(1) as f64) as f32;
        let sink = Sink::Mean { grad: self.grad, scale, accumulate: false };
        self.model.backward(rec, self.theta, &scored.tape, scored.dlogits, Some(step), sink)?;
        // The loss's gradients are not divided by the number of records yet.
        let unscaled = rec.temp("unscaled", sym.len);
        map::binary(rec, Binary::Mul, slope, sym, unscaled);
        map::axpby(rec, scale, unscaled, 0.0, dmask);
        let sums = rec.temp("sums", 2);
        scored.record_sums(rec, sums);
        Ok((load.inputs, sums))
    }
}
