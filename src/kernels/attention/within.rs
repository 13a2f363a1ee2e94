//! Attention within sequences that lie one behind the other, fused: scores, their softmax and the weighted sum in one
//! pass, and the gradients as gathers (Milakov & Gimelshein 2018; Dao et al., "FlashAttention", 2022). No score is
//! stored; the logarithm of each row's sum of exponentials is.

pub(super) mod tangent;
mod twin;

pub(super) use twin::sequence;

use crate::engine::{
    ALIGN, Arguments, Buf, Class, Fields, Kernel, Params, Pass, Recording, Requires, Tangent, Target, Twin,
};
use crate::kernels::{map, reduce};
use crate::params;

params! {
    /// Rows of `heads` queries and `kv_heads` keys and values; scores are `scale` times their products.
    pub struct Looks { rows: u32, heads: u32, kv_heads: u32, sequences: u32, longest: u32, scale: f32 }
}

params! {
    /// The graph of sequences: `longest` edges a row.
    pub struct Graph { rows: u32, sequences: u32, longest: u32 }
}

const fn row(name: &'static str, source: &'static str, params: Fields, twin: Twin, tangent: Tangent) -> Kernel {
    Kernel { name, source, params, twin, requires: Requires::Nothing, tangent, variant_of: None }
}

/// Weighted sums of values.
pub static WITHIN: Kernel = row(
    "attention.within",
    include_str!("../../../shaders/attention/within.wgsl"),
    Looks::FIELDS,
    twin::within,
    Tangent::Rule(tangent::within),
);

/// Their gradient to the queries.
pub static WITHIN_BWD_Q: Kernel = row(
    "attention.within_bwd_q",
    include_str!("../../../shaders/attention/within_bwd_q.wgsl"),
    Looks::FIELDS,
    twin::bwd_q,
    Tangent::Rule(tangent::bwd_q),
);

/// Their gradient to keys and values.
pub static WITHIN_BWD_KV: Kernel = row(
    "attention.within_bwd_kv",
    include_str!("../../../shaders/attention/within_bwd_kv.wgsl"),
    Looks::FIELDS,
    twin::bwd_kv,
    Tangent::Rule(tangent::bwd_kv),
);

/// Keys loaded once for eight rows: for software adapters.
pub static WITHIN_BROADCAST: Kernel = Kernel {
    name: "attention.within_broadcast",
    source: include_str!("../../../shaders/attention/within_broadcast.wgsl"),
    requires: Requires::Subgroup8,
    variant_of: Some(&WITHIN),
    ..WITHIN
};

/// The same of the gradient to the queries.
pub static WITHIN_BWD_Q_BROADCAST: Kernel = Kernel {
    name: "attention.within_bwd_q_broadcast",
    source: include_str!("../../../shaders/attention/within_bwd_q_broadcast.wgsl"),
    requires: Requires::Subgroup8,
    variant_of: Some(&WITHIN_BWD_Q),
    ..WITHIN_BWD_Q
};

/// The same of that to keys and values.
pub static WITHIN_BWD_KV_BROADCAST: Kernel = Kernel {
    name: "attention.within_bwd_kv_broadcast",
    source: include_str!("../../../shaders/attention/within_bwd_kv_broadcast.wgsl"),
    requires: Requires::Subgroup8,
    variant_of: Some(&WITHIN_BWD_KV),
    ..WITHIN_BWD_KV
};

/// Rows of a workgroup of the broadcast forms, and lanes that they read from.
const BROADCAST: [usize; 2] = [16, 8];

/// Whether an adapter gets the broadcast forms: a load costs a software adapter as much as eight multiply-adds.
pub fn broadcasts(target: Target) -> bool {
    target.class() == Class::SoftwareWide
}

/// The weights on the edges of a graph.
pub static WITHIN_WEIGHTS: Kernel = row(
    "attention.within_weights",
    include_str!("../../../shaders/attention/within_weights.wgsl"),
    Looks::FIELDS,
    twin::weights,
    Tangent::Rule(tangent::weights),
);

/// The edges of that graph.
pub static WITHIN_EDGES: Kernel = row(
    "attention.within_edges",
    include_str!("../../../shaders/attention/within_edges.wgsl"),
    Graph::FIELDS,
    twin::edges,
    Tangent::Constant,
);

/// Vec4s of the widest head: what a thread keeps of it in registers.
const MOST_QUADS: usize = 32;

/// Rows packed one sequence behind the other.
#[derive(Clone, Copy, Debug)]
pub struct Sequences {
    /// Sequence b has the rows `ptr[b]..ptr[b+1]`, [sequences + 1].
    pub ptr: Buf<u32>,
    /// The sequence of each row, \[rows\]; `u32::MAX` for a row of nobody.
    pub of: Buf<u32>,
    /// Rows of the longest, or more: sizes what is made of them, and is stated to adapters that limit loops.
    pub longest: usize,
}

impl Sequences {
    /// Number of rows, those of nobody among them.
    pub fn rows(&self) -> usize {
        self.of.len
    }

    /// Number of sequences.
    pub fn count(&self) -> usize {
        self.ptr.len.saturating_sub(1)
    }

    /// Adds to a record function's checks that there are row ends.
    pub(super) fn fits<'r>(&self, checks: Arguments<'r>) -> Arguments<'r> {
        checks.at_least("ptr", self.ptr, &[1])
    }
}

/// Who looks at whom: rows at the rows of their own sequence, under several heads.
#[derive(Clone, Copy, Debug)]
pub struct Within {
    /// The rows.
    pub sequences: Sequences,
    /// Heads of the queries.
    pub heads: usize,
    /// Heads of keys and values; divides `heads`, and head h looks at h · kv_heads / heads.
    pub kv_heads: usize,
    /// Features of a head, a multiple of 4 and at most 128.
    pub width: usize,
    /// No row looks at those behind it.
    pub causal: bool,
}

impl Within {
    fn quads(&self) -> usize {
        self.width / 4
    }

    fn looks(&self) -> Looks {
        let Sequences { longest, .. } = self.sequences;
        Looks {
            rows: self.sequences.rows() as u32,
            heads: self.heads as u32,
            kv_heads: self.kv_heads as u32,
            sequences: self.sequences.count() as u32,
            longest: longest.max(1) as u32,
            scale: 1.0 / (self.width as f32).sqrt(),
        }
    }

    fn fits<'r>(&self, checks: Arguments<'r>) -> Arguments<'r> {
        let Within { heads, kv_heads, width, .. } = *self;
        let even = kv_heads > 0 && heads > 0 && heads.is_multiple_of(kv_heads);
        let whole = width > 0 && width.is_multiple_of(4) && width / 4 <= MOST_QUADS;
        self.sequences
            .fits(checks)
            .holds(even, || format!("{heads} heads cannot share {kv_heads} heads of keys and values evenly"))
            .holds(whole, || format!("a head of {width} features; it must have a multiple of 4, at most 128"))
    }

    /// [queries, keys and values] of a row.
    fn dims(&self) -> [[usize; 3]; 2] {
        [self.heads, self.kv_heads].map(|heads| [self.sequences.rows(), heads, self.width])
    }

    /// Multiply-adds of a product of every query with the keys that it looks at, at most.
    fn products(&self) -> u64 {
        let all = (self.sequences.rows() * self.sequences.longest * self.heads * self.width) as u64;
        if self.causal { all / 2 } else { all }
    }

    /// Iterations of a thread that has `loops` loops over a head's vec4s for each row that it walks.
    fn turns(&self, loops: usize) -> usize {
        (self.sequences.longest + 2) * (1 + loops * self.quads())
    }
}

/// Records `y[i,h,:] = Σ_j softmax_j(q[i,h,:] · k[j,:] / √width) v[j,:]` over the rows j that row i looks at, and `lse`
/// [rows, heads], the logarithm of each sum of exponentials. q, y [rows, heads, width], k, v [rows, kv_heads, width];
/// both results are 0 for a row of nobody.
pub fn within(rec: &mut Recording, w: &Within, [q, k, v]: [Buf<f32>; 3], y: Buf<f32>, lse: Buf<f32>) {
    let [queries, keys] = w.dims();
    let checks = w.fits(rec.arguments("attention.within")).shape("q", q, &queries).shape("k", k, &keys);
    let checks = checks.shape("v", v, &keys).shape("y", y, &queries);
    if checks.shape("lse", lse, &queries[..2]).wrong() {
        return;
    }
    let bytes = 4 * (2 * q.len + 2 * k.len + lse.len) as u64;
    let rows = w.launched(rec.target());
    let pass = w.begin(rec, [&WITHIN, &WITHIN_BROADCAST], &[q, k, v]).write(y).write(lse);
    pass.work(4 * w.products(), bytes).turns(w.turns(2)).threads(rows * w.heads);
}

/// Records the gradients of [`within`] to q, k and v from what it was given and made, and from dy [rows, heads, width].
pub fn within_bwd(
    rec: &mut Recording,
    w: &Within,
    [q, k, v]: [Buf<f32>; 3],
    [y, lse, dy]: [Buf<f32>; 3],
    [dq, dk, dv]: [Buf<f32>; 3],
) {
    let [queries, keys] = w.dims();
    let mut checks = w.fits(rec.arguments("attention.within_bwd")).shape("lse", lse, &queries[..2]);
    for (name, buf, dims) in [("q", q, queries), ("k", k, keys), ("v", v, keys), ("y", y, queries), ("dy", dy, queries)]
    {
        checks = checks.shape(name, buf, &dims);
    }
    if checks.shape("dq", dq, &queries).shape("dk", dk, &keys).shape("dv", dv, &keys).wrong() {
        return;
    }
    // Side by side, for a kernel binds no more than eight.
    let (product, stats) = (rec.temp("y dy", y.len), rec.temp("lse and sums of y dy", 2 * half(lse.len)));
    let [first, second] = stats_of(stats, lse.len);
    rec.clear(stats);
    rec.copy(lse, first);
    map::binary(rec, map::Binary::Mul, y, dy, product);
    reduce::rows(rec, product, second);
    let operands = [q, k, v, stats, dy];
    let bytes = 4 * (3 * q.len + 4 * k.len + 2 * lse.len) as u64;
    let (rows, share) = (w.launched(rec.target()), w.heads / w.kv_heads);
    let pass = w.begin(rec, [&WITHIN_BWD_Q, &WITHIN_BWD_Q_BROADCAST], &operands).write(dq);
    pass.work(6 * w.products(), bytes).turns(w.turns(2)).threads(rows * w.heads);
    for (keys, dx) in [(1, dk), (0, dv)] {
        let pass =
            w.begin(rec, [&WITHIN_BWD_KV, &WITHIN_BWD_KV_BROADCAST], &operands).set("KEYS", keys as u8).write(dx);
        pass.work(5 * w.products(), bytes).turns(share * w.turns(2)).threads(rows * w.kv_heads);
    }
}

/// Elements from the beginning of the first of two lists of `len` numbers to that of the second.
fn half(len: usize) -> usize {
    len.next_multiple_of(ALIGN)
}

/// The logarithms, and the sums of y dy, of so many rows and heads; see `row_stats.wgsl`.
fn stats_of(stats: Buf<f32>, len: usize) -> [Buf<f32>; 2] {
    [stats.range(0..len), stats.range(half(len)..half(len) + len)]
}

impl Within {
    /// The beginning of a dispatch, of the plain form or of the one for software adapters.
    fn begin<'r>(&self, rec: &'r mut Recording, forms: [&'static Kernel; 2], operands: &[Buf<f32>]) -> Pass<'r> {
        let [rows, team] = BROADCAST;
        let pass = match broadcasts(rec.target()) {
            true => rec.dispatch(forms[1]).set("WG", rows as u32).set("TEAM", team as u32),
            false => rec.dispatch(forms[0]),
        };
        let pass = pass.set("QUADS", self.quads() as u32).set("CAUSAL", u8::from(self.causal));
        let pass = pass.params(self.looks()).read(self.sequences.ptr).read(self.sequences.of);
        operands.iter().fold(pass, |pass, buf| pass.read(*buf))
    }

    /// Rows that threads are launched for: the broadcast forms have them in whole workgroups.
    fn launched(&self, target: Target) -> usize {
        let rows = self.sequences.rows();
        if broadcasts(target) { rows.next_multiple_of(BROADCAST[0]) } else { rows }
    }
}
