//! Link prediction: random negative pairs, their scores, and the loss of scores.

use super::{quads, rows_of, whole_rows};
use crate::base::philox::philox;
use crate::engine::{Buf, Kernel, Params, Recording, Requires, Tangent, TwinCall};
use crate::params;

params! {
    /// A permutation of 0 .. n within left × right, and its stream.
    pub struct Permutation { n: u32, left: u32, right: u32, stream: u32 }
}

params! {
    /// z [n, cols].
    pub struct Pairs { n: u32, cols: u32 }
}

params! {
    /// Number of pairs and what their probability should be.
    pub struct Bce { n: u32, goal: f32 }
}

/// A random permutation and its inverse.
pub static NEGATIVES: Kernel = Kernel {
    name: "graph.negatives",
    source: include_str!("../../../shaders/graph/negatives.wgsl"),
    params: Permutation::FIELDS,
    twin: negatives_twin,
    requires: Requires::Nothing,
    tangent: Tangent::Constant,
    variant_of: None,
};

/// Dot products of nodes with their partners.
pub static PARTNER_SCORES: Kernel = Kernel {
    name: "graph.partner_scores",
    source: include_str!("../../../shaders/graph/partner_scores.wgsl"),
    params: Pairs::FIELDS,
    twin: scores_twin,
    requires: Requires::Nothing,
    tangent: Tangent::Missing,
    variant_of: None,
};

/// Their gradient.
pub static PARTNER_SCORES_BWD: Kernel = Kernel {
    name: "graph.partner_scores_bwd",
    source: include_str!("../../../shaders/graph/partner_scores_bwd.wgsl"),
    params: Pairs::FIELDS,
    twin: scores_bwd_twin,
    requires: Requires::Nothing,
    tangent: Tangent::Missing,
    variant_of: None,
};

/// Binary cross-entropy of logits.
pub static BCE: Kernel = Kernel {
    name: "graph.bce",
    source: include_str!("../../../shaders/graph/bce.wgsl"),
    params: Bce::FIELDS,
    twin: bce_twin,
    requires: Requires::Nothing,
    tangent: Tangent::Missing,
    variant_of: None,
};

impl Permutation {
    /// The least rectangle that is about a square and holds n numbers: few of its numbers are not below n.
    pub(super) fn new(n: usize, stream: u32) -> Permutation {
        let root = n.isqrt();
        let left = (root + usize::from(root * root < n)).max(1);
        Permutation { n: n as u32, left: left as u32, right: n.div_ceil(left).max(1) as u32, stream }
    }

    /// Applications after which every number is below n again: all others could come first.
    fn walks(&self) -> usize {
        self.left as usize * self.right as usize - self.n as usize + 1
    }

    /// The keys of the rounds.
    pub(super) fn keys(&self, step: &[u32]) -> [u32; 8] {
        let block = |i| philox([i, self.stream, step[2], 1], [step[0], step[1]]);
        let ([a, b, c, d], [e, f, g, h]) = (block(0), block(1));
        [a, b, c, d, e, f, g, h]
    }

    /// π(u), or π⁻¹(u).
    pub(super) fn apply(&self, keys: &[u32; 8], u: u32, inverse: bool) -> u32 {
        let size = [self.left, self.right];
        let mut v = [u / self.right, u % self.right];
        loop {
            for step in 0..8 {
                let round = if inverse { 7 - step } else { step };
                let (to, by) = (round % 2, 1 - round % 2);
                let shift = scramble(v[by], keys[round]) % size[to];
                v[to] = (v[to] + if inverse { size[to] - shift } else { shift }) % size[to];
            }
            let u = v[0] * self.right + v[1];
            if u < self.n {
                return u;
            }
        }
    }
}

/// The finaliser of MurmurHash3 (Appleby 2011) over half a number and a key.
fn scramble(half: u32, key: u32) -> u32 {
    let mut h = half.wrapping_mul(0x9e37_79b1).wrapping_add(key);
    h = (h ^ (h >> 16)).wrapping_mul(0x85eb_ca6b);
    h = (h ^ (h >> 13)).wrapping_mul(0xc2b2_ae35);
    h ^ (h >> 16)
}

/// Records a random partner for each of `n` nodes: `partner` is a permutation of 0 .. n, `inverse` undoes it, and both
/// are pure functions of (seed, step, stream); `step` holds [seed_lo, seed_hi, step, …]. About one node is its own
/// partner, and a share of the pairs as large as the graph's density are edges: sampling without rejection.
pub fn negatives(rec: &mut Recording, step: Buf<u32>, stream: u32, n: usize, partner: Buf<u32>, inverse: Buf<u32>) {
    let checks = rec.arguments("graph.negatives").at_least("step", step, &[4]).shape("partner", partner, &[n]);
    if checks.shape("inverse", inverse, &[n]).wrong() {
        return;
    }
    let p = Permutation::new(n, stream);
    // Two Philox blocks of ten rounds; hardly any number walks.
    rec.dispatch(&NEGATIVES)
        .params(p)
        .read(step)
        .write(partner)
        .write(inverse)
        .turns(20 + 2 * p.walks())
        .work(700 * n as u64, 8 * n as u64)
        .threads(n);
}

/// Records `s[u] = z[u,:] · z[partner[u],:]`: scores of the pairs of [`negatives`]. `z` [n, cols], `partner` and `s`
/// \[n\]. (The scores of edges are [`sddmm`](super::sddmm) with z on both sides.)
pub fn partner_scores(rec: &mut Recording, z: Buf<f32>, partner: Buf<u32>, s: Buf<f32>, cols: usize) {
    let n = rows_of(z.len, cols);
    let checks = whole_rows(rec.arguments("graph.partner_scores"), "z", z, cols).shape("partner", partner, &[n]);
    if checks.shape("s", s, &[n]).wrong() {
        return;
    }
    let vec = cols.is_multiple_of(4);
    rec.dispatch(&PARTNER_SCORES)
        .set("VEC", u8::from(vec))
        .params(Pairs { n: n as u32, cols: cols as u32 })
        .read(z)
        .read(partner)
        .write(s)
        .turns(if vec { cols / 4 } else { cols })
        .work(2 * z.len as u64, 8 * z.len as u64 + 8 * n as u64)
        .threads(n);
}

/// Records the gradient of [`partner_scores`] to z: `dz[u,:] = ds[u] z[partner[u],:] + ds[inverse[u]] z[inverse[u],:]`,
/// with `add` on top of what `dz` holds. `z` and `dz` [n, cols], the others \[n\].
#[expect(clippy::too_many_arguments, reason = "the operands of the gradient")]
pub fn partner_scores_bwd(
    rec: &mut Recording,
    z: Buf<f32>,
    partner: Buf<u32>,
    inverse: Buf<u32>,
    ds: Buf<f32>,
    dz: Buf<f32>,
    cols: usize,
    add: bool,
) {
    let n = rows_of(z.len, cols);
    let checks = whole_rows(rec.arguments("graph.partner_scores_bwd"), "z", z, cols).shape("partner", partner, &[n]);
    let checks = checks.shape("inverse", inverse, &[n]).shape("ds", ds, &[n]);
    if checks.shape("dz", dz, &[n, cols]).wrong() {
        return;
    }
    let pass = rec
        .dispatch(&PARTNER_SCORES_BWD)
        .set("VEC", u8::from(cols.is_multiple_of(4)))
        .set("ADD", u8::from(add))
        .params(Pairs { n: n as u32, cols: cols as u32 })
        .read(z)
        .read(partner)
        .read(inverse)
        .read(ds);
    let pass = if add { pass.update(dz) } else { pass.write(dz) };
    pass.turns(4).work(4 * z.len as u64, 12 * z.len as u64 + 12 * n as u64).threads(n * quads(cols));
}

/// Records the binary cross-entropy of logits: `loss = w (softplus(s) − s t)` and `ds = w (σ(s) − t)` with t = `goal`,
/// 1 for pairs that should be edges and 0 for pairs that should not. No mean. `s`, `weight`, `loss`, `ds` \[n\]; a pair
/// of weight 0 does not count, whatever its logit.
pub fn bce(rec: &mut Recording, s: Buf<f32>, goal: f32, weight: Buf<f32>, loss: Buf<f32>, ds: Buf<f32>) {
    let n = s.len;
    let checks = rec.arguments("graph.bce").shape("weight", weight, &[n]).shape("loss", loss, &[n]);
    if checks.shape("ds", ds, &[n]).wrong() {
        return;
    }
    rec.dispatch(&BCE)
        .params(Bce { n: n as u32, goal })
        .read(s)
        .read(weight)
        .write(loss)
        .write(ds)
        .work(20 * n as u64, 16 * n as u64)
        .threads(n);
}

/// Bindings step partner inverse; see `negatives.wgsl`.
fn negatives_twin(call: &mut TwinCall) {
    let p: Permutation = call.params();
    let [step, partner, inverse] = call.bufs();
    let keys = p.keys(step.u());
    let (partner, inverse) = (partner.u_mut(), inverse.u_mut());
    for u in 0..p.n {
        partner[u as usize] = p.apply(&keys, u, false);
    }
    for u in 0..p.n {
        inverse[partner[u as usize] as usize] = u;
    }
}

/// Bindings z partner s; see `partner_scores.wgsl`.
fn scores_twin(call: &mut TwinCall) {
    let p: Pairs = call.params();
    let [z, partner, s] = call.bufs();
    let (z, cols) = (z.f(), p.cols as usize);
    for (u, (s, v)) in s.f_mut().iter_mut().zip(partner.u()).enumerate() {
        *s = (0..cols).map(|c| z[u * cols + c] * z[*v as usize * cols + c]).sum();
    }
}

/// Bindings z partner inverse ds dz; see `partner_scores_bwd.wgsl`.
fn scores_bwd_twin(call: &mut TwinCall) {
    let p: Pairs = call.params();
    let add = call.set("ADD") == 1;
    let [z, partner, inverse, ds, dz] = call.bufs();
    let (z, partner, inverse, ds, cols) = (z.f(), partner.u(), inverse.u(), ds.f(), p.cols as usize);
    for (at, dz) in dz.f_mut().iter_mut().enumerate() {
        let (u, c) = (at / cols, at % cols);
        let (to, from) = (partner[u] as usize, inverse[u] as usize);
        let g = ds[u] * z[to * cols + c] + ds[from] * z[from * cols + c];
        *dz = if add { *dz + g } else { g };
    }
}

/// Bindings s weight loss ds; see `bce.wgsl`.
fn bce_twin(call: &mut TwinCall) {
    let p: Bce = call.params();
    let [s, weight, loss, ds] = call.bufs();
    let (s, weight, loss, ds) = (s.f(), weight.f(), loss.f_mut(), ds.f_mut());
    let t = f64::from(p.goal);
    for i in 0..p.n as usize {
        (loss[i], ds[i]) = (0.0, 0.0);
        if weight[i] != 0.0 {
            let (s, w) = (s[i], weight[i]);
            let sigmoid = |v: f64| 1.0 / (1.0 + (-v).exp());
            loss[i] = w * (s.max(0.0) - s * t + (-s.abs()).exp().ln_1p());
            ds[i] = w * ((1.0 - t) * sigmoid(s) - t * sigmoid(-s));
        }
    }
}
