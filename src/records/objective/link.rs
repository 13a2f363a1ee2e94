//! The objective of link prediction: rows of the network's output are embeddings z, z_u · z_v is the score of a pair,
//! and the loss its binary cross-entropy (Kipf & Welling, "Variational graph auto-encoders", 2016, the decoder).
//!
//! A record of a step is a training edge, once, with a share of the negatives: its loss is ½ BCE(edge) + ½ the mean BCE
//! of the negatives. Those are drawn anew in each step, ⌈edges / nodes⌉ partners for every node, so that there are as
//! many as edges or a few more; they are weighed to be exactly as heavy. A negative that is an edge, or a node with
//! itself, is tolerated: they are as rare as edges among all pairs, and one node in a stream.

use super::{Losses, Objective, Of, Outputs};
use crate::engine::{ALIGN, Buf, Recording};
use crate::error::{Error, Result};
use crate::kernels::graph::{self, Csr, Spmm};
use crate::kernels::map::{self, Unary};
use crate::kernels::reduce;
use crate::records::batch::{Pairs, Targets};

/// The binary cross-entropy of edges and negatives.
pub static LINK: Objective = Objective {
    name: "link",
    summary: "binary cross-entropy of z_u . z_v over edges and as many negatives, drawn anew in each step",
    citation: "Kipf & Welling, Variational graph auto-encoders, 2016",
    of: Of::Pairs,
    softmax: false,
    in_place: false,
    kept: |_| Vec::new(),
    record,
    curvature: None,
};

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

    /// Records the losses of the scores `s`, all of which should be edges or none, and how many are on the right side
    /// of 0, both weighed and times `share`. Returns the weighed gradient to `s`.
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

/// Records the loss of a step over all training edges, with its gradient, or of the held-out pairs.
fn record(rec: &mut Recording, out: &Outputs, targets: &Targets) -> Result<Losses> {
    let Targets::Pairs(pairs) = targets else { return Err(Error::internal("the objective of links over classes")) };
    let structure = out.batch.structure.ok_or_else(|| Error::internal("links without a graph"))?;
    let (z, cols) = (out.logits, out.classes);
    if z.len != structure.nodes * cols {
        return Err(Error::input("a readout makes one row of each graph; link prediction needs the rows of nodes"));
    }
    let (weight, count) = match pairs {
        Pairs::Edges { weight, count } => (*weight, *count),
        Pairs::HeldOut(lists) => return Ok(Losses { sums: held_out(rec, lists, z, cols), dlogits: z }),
    };
    let step = out.step.ok_or_else(|| Error::internal("negatives are drawn in training steps alone"))?;
    let rounds = count.div_ceil(structure.nodes).max(1);
    let mut sums = Sums::new(rec, 1 + rounds);
    let a = structure.a;
    let (s, dz) = (rec.temp("edge scores", a.entries()), rec.temp("dz", z.len));
    graph::sddmm(rec, &a, z, z, s, cols);
    // The entries of both directions make the loss twice, and row by row the gradient once.
    let ds = sums.judge(rec, s, true, weight, 0.5);
    graph::spmm(rec, &a, ds, z, z, dz, cols, Spmm { own: 0.0, bias: false });
    negatives(rec, &mut sums, step, [z, dz], cols, Negatives { rounds, edges: count });
    Ok(Losses { sums: sums.buf, dlogits: dz })
}

/// Partners for every node, together half as heavy as so many edges.
#[derive(Clone, Copy)]
struct Negatives {
    rounds: usize,
    edges: usize,
}

/// Records the negatives of embeddings z [nodes, cols] and adds their gradient to `dz`.
fn negatives(
    rec: &mut Recording,
    sums: &mut Sums,
    step: Buf<u32>,
    [z, dz]: [Buf<f32>; 2],
    cols: usize,
    Negatives { rounds, edges }: Negatives,
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
