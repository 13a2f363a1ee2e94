//! Directional derivatives of attention within sequences, made of the kernels over edges: the rows that look at each
//! other are a graph.

use super::super::{Edges, attend, attend_bwd_alpha, attend_bwd_z, centre, gather, mean_heads, mean_heads_bwd};
use super::{Graph, Looks, Sequences, WITHIN_EDGES, WITHIN_WEIGHTS, stats_of};
use crate::engine::{Buf, Dispatch, Recording, Tangents};
use crate::error::Result;
use crate::kernels::map::{self, Binary};

/// A dispatch's rows as a graph.
struct Spread {
    p: Looks,
    sequences: Sequences,
    quads: f64,
    causal: f64,
    /// By the row that looks, and by the row that is looked at.
    a: Edges,
    t: Edges,
}

impl Spread {
    /// Of a dispatch that begins with ptr and seg; records the edges.
    fn of(rec: &mut Recording, d: &Dispatch) -> Result<Spread> {
        let p: Looks = d.params();
        let sequences = Sequences { ptr: d.bound(0), of: d.bound(1), longest: p.longest as usize };
        let (rows, longest) = (p.rows as usize, p.longest as usize);
        let ends: Buf<u32> = rec.temp("ends of edges", rows + 1);
        let [idx, t_idx, perm] = ["sources", "targets", "places"].map(|name| rec.temp(name, rows * longest));
        rec.dispatch(&WITHIN_EDGES)
            .params(Graph { rows: p.rows, sequences: p.sequences, longest: p.longest })
            .read(sequences.ptr)
            .read(sequences.of)
            .write(ends)
            .write(idx)
            .write(t_idx)
            .write(perm)
            .work(0, 12 * idx.len as u64)
            .threads(rows * longest + 1);
        let a = Edges::new(rec, ends, idx, None, longest);
        let t = Edges::new(rec, ends, t_idx, Some(perm), longest);
        Ok(Spread { p, sequences, quads: d.constant("QUADS")?, causal: d.constant("CAUSAL")?, a, t })
    }

    fn heads(&self) -> usize {
        self.p.heads as usize
    }

    fn width(&self) -> usize {
        4 * self.quads as usize
    }

    /// Records the weights [edges, heads].
    fn weights(&self, rec: &mut Recording, q: Buf<f32>, k: Buf<f32>, lse: Buf<f32>) -> Buf<f32> {
        let alpha = rec.temp("weights", self.a.count() * self.heads());
        rec.dispatch(&WITHIN_WEIGHTS)
            .set("QUADS", self.quads)
            .set("CAUSAL", self.causal)
            .params(self.p)
            .read(self.sequences.ptr)
            .read(self.sequences.of)
            .read(q)
            .read(k)
            .read(lse)
            .write(alpha)
            .work(2 * (alpha.len * self.width()) as u64, 4 * (q.len + k.len + alpha.len) as u64)
            .turns(self.quads as usize)
            .threads(alpha.len);
        alpha
    }

    /// Records x [rows, kv_heads, width] under every head that shares it.
    fn under_heads(&self, rec: &mut Recording, x: Buf<f32>) -> Buf<f32> {
        let share = self.heads() / self.p.kv_heads as usize;
        if share == 1 {
            return x;
        }
        let [part, all] = ["shared", "under heads"].map(|name| rec.temp(name, share * x.len));
        mean_heads_bwd(rec, x, part, share, self.width());
        map::axpby(rec, share as f32, part, 0.0, all);
        all
    }

    /// Records into y [rows, kv_heads, width] the sum of x [rows, heads, width] over the heads that share.
    fn over_heads(&self, rec: &mut Recording, x: Buf<f32>, y: Buf<f32>) {
        let share = self.heads() / self.p.kv_heads as usize;
        let mean = rec.temp("mean of heads", y.len);
        mean_heads(rec, x, mean, share, self.width());
        map::axpby(rec, share as f32, mean, 0.0, y);
    }

    /// Records scale · x on the edges.
    fn scaled(&self, rec: &mut Recording, x: Buf<f32>) -> Buf<f32> {
        let y = rec.temp("scaled", x.len);
        map::axpby(rec, self.p.scale, x, 0.0, y);
        y
    }

    /// The derivative of the scores on the edges, for those of q and k; `None` if both stand.
    fn scores_along(
        &self,
        rec: &mut Recording,
        [q, k]: [Buf<f32>; 2],
        moved: [Option<Buf<f32>>; 2],
    ) -> Option<Buf<f32>> {
        let mut sum: Option<Buf<f32>> = None;
        for (q, k) in [(moved[0], Some(k)), (Some(q), moved[1])] {
            let (Some(q), Some(k)) = (q, k) else { continue };
            let (k, products) = (self.under_heads(rec, k), rec.temp("products", self.a.count() * self.heads()));
            rec.clear(products);
            attend_bwd_alpha(rec, &self.a, q, k, products, self.heads(), self.width());
            match sum {
                Some(sum) => map::axpby(rec, self.p.scale, products, 1.0, sum),
                None => sum = Some(self.scaled(rec, products)),
            }
        }
        sum
    }

    /// Records the slopes of the scores [edges, heads]: α (dy · v − delta).
    fn slopes(&self, rec: &mut Recording, alpha: Buf<f32>, v: Buf<f32>, dy: Buf<f32>, delta: Buf<f32>) -> Buf<f32> {
        let (v, dalpha) = (self.under_heads(rec, v), rec.temp("dalpha", alpha.len));
        rec.clear(dalpha);
        attend_bwd_alpha(rec, &self.a, dy, v, dalpha, self.heads(), self.width());
        let slopes = rec.temp("slopes", alpha.len);
        centre(rec, &self.a, [alpha, delta, dalpha], slopes, self.heads());
        self.scaled(rec, slopes)
    }
}

/// Bindings ptr seg q k v y lse: the derivative of α is α (r − Σ α r), r that of the scores, and Σ α r that of lse.
pub fn within(t: &mut Tangents, d: &Dispatch) -> Result<()> {
    let operands = [2, 3].map(|i| d.bound::<f32>(i));
    let (v, lse, moved) = (d.bound(4), d.bound(6), [2, 3, 4].map(|i| t.read(d, i)));
    let s = Spread::of(t.rec(), d)?;
    let (heads, width) = (s.heads(), s.width());
    let alpha = s.weights(t.rec(), operands[0], operands[1], lse);
    let y = t.write(d, 5)?;
    t.rec().clear(y);
    if let Some(v) = moved[2] {
        let v = s.under_heads(t.rec(), v);
        attend(t.rec(), &s.a, alpha, v, y, heads, width);
    }
    let Some(r) = s.scores_along(t.rec(), operands, [moved[0], moved[1]]) else {
        t.still(d, 6);
        return Ok(());
    };
    let mean = t.write(d, 6)?;
    let [weighed, along] = ["weighed", "weights along"].map(|name| t.rec().temp(name, alpha.len));
    map::binary(t.rec(), Binary::Mul, alpha, r, weighed);
    gather(t.rec(), &s.a, weighed, mean, heads);
    centre(t.rec(), &s.a, [alpha, mean, r], along, heads);
    let (v, part) = (s.under_heads(t.rec(), v), t.rec().temp("y along", y.len));
    attend(t.rec(), &s.a, along, v, part, heads, width);
    t.add(part, y);
    Ok(())
}

/// Bindings ptr seg q k lse alpha.
pub fn weights(t: &mut Tangents, d: &Dispatch) -> Result<()> {
    let operands = [2, 3].map(|i| d.bound::<f32>(i));
    let (alpha, moved) = (d.bound(5), [2, 3].map(|i| t.read(d, i)));
    let mean = t.read_or_zero(d, 4);
    let s = Spread::of(t.rec(), d)?;
    let r = match s.scores_along(t.rec(), operands, moved) {
        Some(r) => r,
        None => t.zero(alpha.len),
    };
    let out = t.write(d, 5)?;
    centre(t.rec(), &s.a, [alpha, mean, r], out, s.heads());
    Ok(())
}

/// Records the derivative of what binding `i` writes, which `made` holds as well.
fn as_made(t: &mut Tangents, d: &Dispatch, i: usize, made: Buf<f32>) -> Result<()> {
    let along = t.of(made);
    let out = t.write(d, i)?;
    match along {
        Some(along) => t.rec().copy(along, out),
        None => t.rec().clear(out),
    }
    Ok(())
}

/// Bindings ptr seg q k v stats dy dq: the same over edges, each kernel of which has a rule of its own.
pub fn bwd_q(t: &mut Tangents, d: &Dispatch) -> Result<()> {
    let [q, k, v, stats, dy] = [2, 3, 4, 5, 6].map(|i| d.bound::<f32>(i));
    let s = Spread::of(t.rec(), d)?;
    let [lse, delta] = stats_of(stats, s.p.rows as usize * s.heads());
    let dq = t.rec().temp("dq over edges", q.len);
    t.through(|rec| {
        let alpha = s.weights(rec, q, k, lse);
        let slopes = s.slopes(rec, alpha, v, dy, delta);
        let k = s.under_heads(rec, k);
        attend(rec, &s.a, slopes, k, dq, s.heads(), s.width());
    })?;
    as_made(t, d, 7, dq)
}

/// Bindings ptr seg q k v stats dy dx.
pub fn bwd_kv(t: &mut Tangents, d: &Dispatch) -> Result<()> {
    let [q, k, v, stats, dy] = [2, 3, 4, 5, 6].map(|i| d.bound::<f32>(i));
    let (s, keys) = (Spread::of(t.rec(), d)?, d.constant("KEYS")? == 1.0);
    let [lse, delta] = stats_of(stats, s.p.rows as usize * s.heads());
    let dx = t.rec().temp("dx over edges", k.len);
    t.through(|rec| {
        let alpha = s.weights(rec, q, k, lse);
        let (weights, of) = if keys { (s.slopes(rec, alpha, v, dy, delta), q) } else { (alpha, dy) };
        let each = rec.temp("of heads", of.len);
        attend_bwd_z(rec, &s.t, weights, of, each, s.heads(), s.width());
        s.over_heads(rec, each, dx);
    })?;
    as_made(t, d, 7, dx)
}
