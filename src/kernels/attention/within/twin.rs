//! CPU twins of attention within sequences.

use std::ops::Range;

use super::{Graph, Looks};
use crate::engine::TwinCall;

/// A row's sequence; empty for a row of nobody.
pub(in super::super) fn sequence(ptr: &[u32], of: &[u32], row: usize) -> Range<usize> {
    match ptr.get(of[row] as usize..of[row].saturating_add(2) as usize) {
        Some(&[first, end]) => first as usize..end as usize,
        _ => 0..0,
    }
}

/// What a call looks at, and how.
struct Call<'a> {
    p: Looks,
    width: usize,
    causal: bool,
    ptr: &'a [u32],
    of: &'a [u32],
    q: &'a [f64],
    k: &'a [f64],
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

impl Call<'_> {
    fn heads(&self) -> usize {
        self.p.heads as usize
    }

    /// Where the keys and values of row j for head h are.
    fn shared(&self, j: usize, h: usize) -> usize {
        (j * self.p.kv_heads as usize + h * self.p.kv_heads as usize / self.heads()) * self.width
    }

    fn looked_at(&self, row: usize) -> Range<usize> {
        let all = sequence(self.ptr, self.of, row);
        if self.causal { all.start..all.end.min(row + 1) } else { all }
    }

    fn lookers(&self, row: usize) -> Range<usize> {
        let all = sequence(self.ptr, self.of, row);
        if self.causal && !all.is_empty() { row..all.end } else { all }
    }

    fn score(&self, i: usize, h: usize, j: usize) -> f64 {
        let (from, to) = ((i * self.heads() + h) * self.width, self.shared(j, h));
        f64::from(self.p.scale) * dot(&self.q[from..from + self.width], &self.k[to..to + self.width])
    }
}

/// Bindings ptr seg q k v y lse; see `within.wgsl`.
pub fn within(call: &mut TwinCall) {
    let (p, width, causal) = (call.params(), 4 * call.set("QUADS") as usize, call.set("CAUSAL") == 1);
    let [ptr, of, q, k, v, y, lse] = call.bufs();
    let (v, y, lse) = (v.f(), y.f_mut(), lse.f_mut());
    let c = Call { p, width, causal, ptr: ptr.u(), of: of.u(), q: q.f(), k: k.f() };
    y.fill(0.0);
    lse.fill(0.0);
    for e in 0..c.p.rows as usize * c.heads() {
        let (i, h) = (e / c.heads(), e % c.heads());
        let scores: Vec<f64> = c.looked_at(i).map(|j| c.score(i, h, j)).collect();
        let Some(top) = scores.iter().copied().reduce(f64::max) else { continue };
        lse[e] = top + scores.iter().map(|s| (s - top).exp()).sum::<f64>().ln();
        for (j, s) in c.looked_at(i).zip(&scores) {
            let (weight, at) = ((s - lse[e]).exp(), c.shared(j, h));
            (0..width).for_each(|f| y[e * width + f] += weight * v[at + f]);
        }
    }
}

/// The logarithms, and the sums of y dy behind them; see `row_stats.wgsl`.
fn halves(stats: &[f64], p: Looks) -> [&[f64]; 2] {
    let len = (p.rows * p.heads) as usize;
    [&stats[..len], &stats[len.next_multiple_of(64)..][..len]]
}

/// Bindings ptr seg q k v stats dy dq; see `within_bwd_q.wgsl`.
pub fn bwd_q(call: &mut TwinCall) {
    let (p, width, causal) = (call.params(), 4 * call.set("QUADS") as usize, call.set("CAUSAL") == 1);
    let [ptr, of, q, k, v, stats, dy, dq] = call.bufs();
    let (v, stats, dy, dq) = (v.f(), stats.f(), dy.f(), dq.f_mut());
    let c = Call { p, width, causal, ptr: ptr.u(), of: of.u(), q: q.f(), k: k.f() };
    let [lse, delta] = halves(stats, c.p);
    dq.fill(0.0);
    for e in 0..c.p.rows as usize * c.heads() {
        let (i, h) = (e / c.heads(), e % c.heads());
        for j in c.looked_at(i) {
            let at = c.shared(j, h);
            let along = dot(&dy[e * width..(e + 1) * width], &v[at..at + width]) - delta[e];
            let slope = f64::from(c.p.scale) * (c.score(i, h, j) - lse[e]).exp() * along;
            (0..width).for_each(|f| dq[e * width + f] += slope * c.k[at + f]);
        }
    }
}

/// Bindings ptr seg q k v stats dy dx; see `within_bwd_kv.wgsl`.
pub fn bwd_kv(call: &mut TwinCall) {
    let (p, width, causal) = (call.params(), 4 * call.set("QUADS") as usize, call.set("CAUSAL") == 1);
    let keys = call.set("KEYS") == 1;
    let [ptr, of, q, k, v, stats, dy, dx] = call.bufs();
    let (v, stats, dy, dx) = (v.f(), stats.f(), dy.f(), dx.f_mut());
    let c = Call { p, width, causal, ptr: ptr.u(), of: of.u(), q: q.f(), k: k.f() };
    let [lse, delta] = halves(stats, c.p);
    dx.fill(0.0);
    for j in 0..c.p.rows as usize {
        for (i, h) in c.lookers(j).flat_map(|i| (0..c.heads()).map(move |h| (i, h))) {
            let (e, at) = (i * c.heads() + h, c.shared(j, h));
            let weight = (c.score(i, h, j) - lse[e]).exp();
            let dy = &dy[e * width..(e + 1) * width];
            let slope = f64::from(c.p.scale) * weight * (dot(dy, &v[at..at + width]) - delta[e]);
            (0..width).for_each(|f| {
                dx[at + f] += if keys { slope * c.q[e * width + f] } else { weight * dy[f] };
            });
        }
    }
}

/// Bindings ptr seg q k lse alpha; see `within_weights.wgsl`.
pub fn weights(call: &mut TwinCall) {
    let (p, width, causal) = (call.params(), 4 * call.set("QUADS") as usize, call.set("CAUSAL") == 1);
    let [ptr, of, q, k, lse, alpha] = call.bufs();
    let c = Call { p, width, causal, ptr: ptr.u(), of: of.u(), q: q.f(), k: k.f() };
    let (lse, longest) = (lse.f(), c.p.longest as usize);
    for (at, alpha) in alpha.f_mut().iter_mut().enumerate() {
        let (h, i, n) = (at % c.heads(), at / c.heads() / longest, at / c.heads() % longest);
        *alpha = match c.looked_at(i).nth(n) {
            Some(j) => (c.score(i, h, j) - lse[i * c.heads() + h]).exp(),
            None => 0.0,
        };
    }
}

/// Bindings ptr seg ends idx t_idx perm; see `within_edges.wgsl`.
pub fn edges(call: &mut TwinCall) {
    let Graph { rows, longest, .. } = call.params();
    let [ptr, of, ends, idx, t_idx, perm] = call.bufs();
    let (ptr, of, longest) = (ptr.u(), of.u(), longest as usize);
    ends.u_mut().iter_mut().enumerate().for_each(|(row, end)| *end = (row * longest) as u32);
    for e in 0..rows as usize * longest {
        let row = e / longest;
        let all = sequence(ptr, of, row);
        let (other, along) = match all.clone().nth(e % longest) {
            Some(j) => (j, j * longest + row - all.start),
            None => (row, (row + 1) * longest - 1),
        };
        (idx.u_mut()[e], t_idx.u_mut()[e], perm.u_mut()[e]) = (other as u32, other as u32, along as u32);
    }
}
