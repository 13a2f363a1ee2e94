//! The objective of link prediction: rows of the network's output are embeddings z, z_u · z_v is the score of a pair, and the
//! loss its binary cross-entropy (Kipf & Welling, "Variational graph auto-encoders", 2016, the decoder).
//!
//! A record of a step is a training edge, once, with a share of the negatives: its loss is ½ BCE(edge) + ½ the mean BCE of the
//! negatives. Those are drawn anew in each step, ⌈edges / nodes⌉ partners for every node, so that there are as many as
//! edges or a few more; they are weighed to be exactly as heavy. A negative that is an edge, or a node with itself, is
//! tolerated: they are as rare as edges among all pairs, and one node in a stream.

use super::graph::ResidentGraph;
use super::scored::Scored;
use super::session::{Part, Session, Store};
use super::subgraph::Sparsity;
use crate::data;
use crate::engine::{ALIGN, Buf, Engine, Recording};
use crate::error::{Error, Result};
use crate::kernels::graph::{self, Csr, Spmm, is_heavy};
use crate::kernels::map::{self, Unary};
use crate::kernels::reduce;
use crate::nn::Mode;

/// What a session over links holds beside the graph.
pub(crate) struct Links {
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
    pub fn upload(engine: &mut Engine, links: &data::Links, graph: &data::Graph, on: [Side; 2]) -> Result<Links> {
        if let Some([u, v]) = links.leak(graph) {
            return Err(Error::internal(format!(
                "edge [{u},{v}] is held out, but the graph carries messages along it"
            )));
        }
        let [before, now] = on;
        let (before, now) = (before.upload(engine)?, now.upload(engine)?);
        let mut pairs = |list| upload_pairs(engine, graph.nodes, list);
        let validation = [pairs(&links.validation)?, pairs(&links.validation_never)?];
        Ok(Links { before, now, validation })
    }
}

/// Edges by target and their weights, on the host.
pub(crate) struct Side<'a> {
    pub edges: &'a Sparsity,
    pub weight: &'a [f32],
}

impl Side<'_> {
    fn upload(&self, engine: &mut Engine) -> Result<Edges> {
        let mut half = vec![0.0; self.weight.len()];
        for v in 0..self.edges.rows() as u32 {
            self.edges.row(v).filter(|e| self.edges.idx[*e] != v).for_each(|e| half[e] = 0.5 * self.weight[e]);
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

/// Sums of losses and of right answers, a place for each list of pairs, side by side so that one dispatch adds both up.
struct Sums {
    buf: Buf<f32>,
    used: usize,
}

impl Sums {
    fn new(rec: &mut Recording, lists: usize) -> Sums {
        let buf = rec.temp("link sums", 2 * lists * ALIGN);
        rec.clear(buf);
        Sums { buf, used: 0 }
    }

    /// Records the losses of the scores `s`, all of which should be edges or none, and how many are on the right side of
    /// 0, both weighed and times `share`. Returns the weighed gradient to `s`.
    fn judge(&mut self, rec: &mut Recording, s: Buf<f32>, edges: bool, weight: Buf<f32>, share: f32) -> Buf<f32> {
        let n = s.len;
        let (loss, ds, right) = (rec.temp("loss", n), rec.temp("ds", n), rec.temp("right", n));
        graph::bce(rec, s, if edges { 1.0 } else { 0.0 }, weight, loss, ds);
        let towards = if edges {
            s
        } else {
            let minus = rec.temp("minus", n);
            map::axpby(rec, -1.0, s, 0.0, minus);
            minus
        };
        // The derivative of a rectifier: 1 above 0.
        map::unary_bwd(rec, Unary::Relu, towards, towards, weight, right);
        for (values, from) in [(loss, 0), (right, self.buf.len / 2)] {
            let at = from + self.used * ALIGN;
            reduce::total(rec, values, self.buf.range(at..at + 1), share, false);
        }
        self.used += 1;
        ds
    }
}

impl Session<'_> {
    /// Records the whole graph's forward pass and the loss of `records` pairs: of a step over training edges, with its
    /// gradient, or of the held-out pairs.
    pub(crate) fn record_links(
        &self,
        rec: &mut Recording,
        part: Part,
        records: usize,
        mode: Mode,
        step: Option<Buf<u32>>,
    ) -> Result<Scored> {
        let Store::Graph(g) = &self.store else { return Err(Error::internal("links without a graph")) };
        let links = g.links.as_ref().ok_or_else(|| Error::internal("links of a graph without any"))?;
        let (input, cols) = (g.all_rows(g.side(part)), self.model.classes);
        let tape = self.model.forward_graph(rec, self.theta, &input, mode, step)?;
        if tape.logits.len != input.structure.nodes * cols {
            return Err(Error::input("a readout makes one row of each graph; link prediction needs the rows of nodes"));
        }
        rec.enter("loss");
        let z = tape.logits;
        let edges = match part {
            Part::Before => &links.before,
            Part::Train => &links.now,
            Part::Validation => {
                let scored = held_out(rec, &links.validation, z, cols);
                rec.leave();
                return Ok(Scored { tape, n: records, sums: scored, dlogits: z });
            }
        };
        if records != edges.count {
            return Err(Error::input(format!(
                "a step of link prediction takes all {} training edges, not {records} of them",
                edges.count
            )));
        }
        let step = step.ok_or_else(|| Error::internal("negatives are drawn in training steps alone"))?;
        let rounds = edges.count.div_ceil(input.structure.nodes).max(1);
        let mut sums = Sums::new(rec, 1 + rounds);
        let a = input.structure.a;
        let (s, dz) = (rec.temp("edge scores", a.entries()), rec.temp("dz", z.len));
        graph::sddmm(rec, &a, z, z, s, cols);
        // The entries of both directions make the loss twice, and row by row the gradient once.
        let ds = sums.judge(rec, s, true, edges.weight, 0.5);
        graph::spmm(rec, &a, ds, z, z, dz, cols, Spmm { own: 0.0, bias: false });
        negatives(rec, &mut sums, step, z, dz, cols, rounds, edges.count);
        rec.leave();
        Ok(Scored { tape, n: records, sums: sums.buf, dlogits: dz })
    }
}

/// Records `rounds` negatives of every node, together half as heavy as `edges` pairs, and adds their gradient to `dz`.
#[expect(clippy::too_many_arguments, reason = "one half of the loss")]
fn negatives(
    rec: &mut Recording,
    sums: &mut Sums,
    step: Buf<u32>,
    z: Buf<f32>,
    dz: Buf<f32>,
    cols: usize,
    rounds: usize,
    edges: usize,
) {
    let n = z.len / cols;
    let weight = rec.temp("negative weight", n);
    map::fill(rec, weight, (0.5 * edges as f64 / (rounds * n) as f64) as f32);
    for stream in 0..rounds {
        let (partner, inverse) = (rec.temp("partner", n), rec.temp("inverse", n));
        graph::negatives(rec, step, stream as u32, n, partner, inverse);
        let s = rec.temp("negative scores", n);
        graph::partner_scores(rec, z, partner, s, cols);
        let ds = sums.judge(rec, s, false, weight, 1.0);
        graph::partner_scores_bwd(rec, z, partner, inverse, ds, dz, cols, true);
    }
}

/// Records the sums over held-out edges and pairs without one.
fn held_out(rec: &mut Recording, lists: &[Csr; 2], z: Buf<f32>, cols: usize) -> Buf<f32> {
    let mut sums = Sums::new(rec, lists.len());
    for (pairs, edges) in lists.iter().zip([true, false]) {
        let (s, one) = (rec.temp("scores", pairs.entries()), rec.temp("one", pairs.entries()));
        graph::sddmm(rec, pairs, z, z, s, cols);
        map::fill(rec, one, 1.0);
        sums.judge(rec, s, edges, one, 1.0);
    }
    sums.buf
}

impl ResidentGraph {
    /// # Errors
    /// Anything but the loss of the held-out pairs: a training edge alone has no loss here.
    pub(crate) fn check_links(&self, part: Part, labelled: bool) -> Result<()> {
        match self.links.is_some() && labelled && part != Part::Validation {
            true => Err(Error::input(
                "link prediction (data.task = \"link\") has no loss of single training records: its loss is that of all training edges and of negatives drawn in each step",
            )),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
