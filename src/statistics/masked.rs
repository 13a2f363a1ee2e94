//! Gradients of a graph whose edges are scaled by a mask: to the parameters and to the mask.

use crate::engine::{Buf, Data, Recording};
use crate::error::{Error, Result};
use crate::kernels::edit;
use crate::kernels::graph::{self, Spmm};
use crate::kernels::map::{self, Binary};
use crate::nn::structure::Structure;
use crate::nn::{Mode, Sink};
use crate::records::Use;
use crate::records::{MaskedEdge, Records, Session};

/// A mask over the edges of the present graph, on the engine, with what its gradient needs.
pub struct EdgeMask {
    /// A factor on the weight of each edge; what stands on self-loops is not read.
    pub mask: Buf<f32>,
    /// The gradient to it; 0 on self-loops, and where nothing is left of an edge.
    pub slope: Buf<f32>,
    /// 1 on edges between different nodes that are there, 0 elsewhere.
    pub on: Buf<f32>,
    /// The edges that it scales.
    pub edges: Vec<MaskedEdge>,
    /// The self-loop of each node.
    loops: Buf<u32>,
    /// 1 / its weight among the degree's.
    over: Buf<f32>,
}

impl EdgeMask {
    /// A mask of 1.
    ///
    /// # Errors
    /// The data are not the nodes of a graph; no memory.
    pub fn new(session: &mut Session) -> Result<EdgeMask> {
        let maskable = session.mask_edges()?;
        let engine = &mut *session.engine;
        let [mask, slope, on] = [
            engine.alloc("edge_mask", maskable.len)?,
            engine.alloc("edge_slope", maskable.len)?,
            engine.alloc("edge_on", maskable.len)?,
        ];
        let nodes = maskable.loops.len();
        let (loops, over) = (engine.alloc::<u32>("edge_loops", nodes)?, engine.alloc("edge_over", nodes)?);
        let mut there = vec![0.0; maskable.len];
        maskable.edges.iter().for_each(|edge| there[edge.place] = 1.0);
        let (places, weights): (Vec<u32>, Vec<f32>) = maskable.loops.into_iter().unzip();
        // An added self-loop has a stored weight of 0 and counts 1.
        let weights: Vec<f32> = weights.iter().map(|w| if *w == 0.0 { 1.0 } else { 1.0 / w }).collect();
        engine.write(mask, &vec![1.0; maskable.len])?;
        engine.write(on, &there)?;
        engine.write(loops, &places)?;
        engine.write(over, &weights)?;
        Ok(EdgeMask { mask, slope, on, edges: maskable.edges, loops, over })
    }

    /// Records the norms of the graph whose edges weigh `weight ∘ mask`; returns those weights.
    fn record_norms(&self, rec: &mut Recording, structure: &mut Structure) -> Buf<f32> {
        let len = self.mask.len;
        let [scaled, masked, kept] = ["scaled", "masked", "kept"].map(|name| rec.temp(name, len));
        map::binary(rec, Binary::Mul, structure.weight, self.on, kept);
        map::binary(rec, Binary::Mul, kept, self.mask, scaled);
        map::binary(rec, Binary::Sub, structure.weight, kept, masked);
        map::axpby(rec, 1.0, scaled, 1.0, masked);
        let [sym, mean] = ["sym", "mean"].map(|name| rec.temp(name, len));
        graph::degree_norms(rec, &structure.a, masked, sym, mean);
        structure.sym = sym;
        masked
    }

    /// Records `self.slope` = `scale` times the gradient to the mask, from `slope`, the gradient to the norms.
    ///
    /// With Â_e = w̃_e c_i c_j, c = d^{-1/2} and w̃ = w ∘ m, an edge j → i has two ways to the loss: its own norm, and
    /// the degree of i, which every norm at i has, in and out:
    /// ∂/∂m_e = w_e (slope_e Â_e / w̃_e − (Σ_{into i} slope Â + Σ_{out of i} slope Â) / 2 d_i).
    fn record_slope(&self, rec: &mut Recording, g: &Structure, masked: Buf<f32>, slope: Buf<f32>, scale: f32) {
        let (len, nodes) = (slope.len, g.nodes);
        let [through, own, shared, whole] = ["through", "own", "shared", "whole"].map(|name| rec.temp(name, len));
        let [ones, into, out, loops, over_degree, to_degree] =
            ["ones", "into", "out", "loops", "over degree", "to degree"].map(|name| rec.temp(name, nodes));
        let none = rec.temp("none", 1);
        map::fill(rec, ones, 1.0);
        map::fill(rec, none, 0.0);
        map::binary(rec, Binary::Mul, slope, g.sym, through);
        graph::spmm(rec, &g.a, through, ones, ones, into, 1, Spmm::default());
        graph::spmm(rec, &g.t, through, ones, ones, out, 1, Spmm::default());
        map::axpby(rec, 1.0, into, 1.0, out);
        map::fill(rec, loops, 0.0);
        map::gather_rows(rec, g.sym, 0, len, 1, self.loops, loops);
        map::binary(rec, Binary::Mul, loops, self.over, over_degree);
        map::binary(rec, Binary::Mul, out, over_degree, to_degree);
        graph::sddmm(rec, &g.a, to_degree, ones, shared, 1);
        // Where nothing is left of an edge the quotient is taken for 0: it stays gone.
        edit::precondition(rec, through, masked, none, 0.0, own);
        map::axpby(rec, -0.5 * scale, shared, scale, own);
        map::binary(rec, Binary::Mul, own, g.weight, whole);
        map::binary(rec, Binary::Mul, whole, self.on, self.slope);
    }
}

/// Records `grad = 1/N Σ ∇ loss_n` over nodes as training does it, dropout on, on the graph whose edges weigh what the
/// mask leaves of them: it scales the adjacency matrix before it is normalised, so that a node whose edges are masked
/// listens more to those it has left (Chen et al., ICML 2021). `edges.slope` becomes the gradient to the mask, through
/// `graph_conv` and `sgc` layers. `step` holds the words of the step; the result gets the sum of losses and of right
/// answers.
pub fn record_edge_masked(
    session: &mut Session,
    rec: &mut Recording,
    records: Records,
    edges: &EdgeMask,
    step: Buf<u32>,
) -> Result<(Vec<Data>, Buf<f32>)> {
    session.check_records(records, true)?;
    let load = session.load(records.part, records.indices, Use::Together);
    let mut loaded = session.record_load(rec, records.part, &load.shape)?;
    let not_nodes = || Error::internal("a mask over edges needs the nodes of a graph");
    let structure = loaded.batch.structure.as_mut().ok_or_else(not_nodes)?;
    let masked = edges.record_norms(rec, structure);
    let slope = rec.temp("slope", masked.len);
    map::fill(rec, slope, 0.0);
    structure.slope = Some(slope);
    let structure = *structure;
    let scored = session.record_losses(rec, &loaded, Mode::Train, Some(step))?;
    let scale = (1.0 / scored.n.max(1) as f64) as f32;
    let sink = Sink::Mean { grad: session.grad, scale, accumulate: false };
    session.model.backward(rec, session.theta, &scored.tape, scored.dlogits, Some(step), sink)?;
    // The loss's gradients are not divided by the number of records yet.
    edges.record_slope(rec, &structure, masked, slope, scale);
    let sums = rec.temp("sums", 2);
    scored.record_sums(rec, sums);
    Ok((load.inputs, sums))
}
