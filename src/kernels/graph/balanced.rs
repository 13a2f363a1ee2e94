//! Skewed matrices: every thread takes the same number of entries, wherever rows begin and end. A first kernel writes
//! the rows that lie in one chunk of entries and carries the parts of the others; a second adds those up, in order.

mod twin;

use super::norms::search_turns;
use super::{Csr, Spmm, quads, tangent};
use crate::engine::{Buf, Element, Kernel, Params, Recording, Requires, Tangent};
use crate::params;

params! {
    /// Rows of the result, the weight of a row's own x, entries in a chunk and number of chunks.
    pub struct Chunked { rows: u32, cols: u32, own: f32, span: u32, chunks: u32 }
}

/// Sums of chunks.
pub static SPMM: Kernel = Kernel {
    name: "graph.spmm_balanced",
    source: include_str!("../../../shaders/graph/spmm_balanced.wgsl"),
    params: Chunked::FIELDS,
    twin: twin::spmm,
    requires: Requires::Nothing,
    tangent: Tangent::Rule(tangent::spmm),
    variant_of: Some(&super::spmm::SPMM),
};

/// Sums of rows from those of chunks.
pub static FIX: Kernel = Kernel {
    name: "graph.spmm_fix",
    source: include_str!("../../../shaders/graph/spmm_fix.wgsl"),
    params: Chunked::FIELDS,
    twin: twin::fix,
    requires: Requires::Nothing,
    tangent: Tangent::Linear(&[&[1, 2, 3]]),
    variant_of: None,
};

/// Maxima of chunks.
pub static MAX: Kernel = Kernel {
    name: "graph.max_balanced",
    source: include_str!("../../../shaders/graph/max_balanced.wgsl"),
    params: Chunked::FIELDS,
    twin: twin::max,
    requires: Requires::Nothing,
    tangent: Tangent::Constant,
    variant_of: Some(&super::max::MAX),
};

/// Maxima of rows from those of chunks.
pub static MAX_FIX: Kernel = Kernel {
    name: "graph.max_fix",
    source: include_str!("../../../shaders/graph/max_fix.wgsl"),
    params: Chunked::FIELDS,
    twin: twin::max_fix,
    requires: Requires::Nothing,
    tangent: Tangent::Rule(tangent::max_fix),
    variant_of: None,
};

/// Gradients of maxima, by chunk.
pub static MAX_BWD: Kernel = Kernel {
    name: "graph.max_bwd_balanced",
    source: include_str!("../../../shaders/graph/max_bwd_balanced.wgsl"),
    params: Chunked::FIELDS,
    twin: twin::max_bwd,
    requires: Requires::Nothing,
    tangent: Tangent::Linear(&[&[4]]),
    variant_of: Some(&super::max::MAX_BWD),
};

/// Entries that one thread takes: about as many as there are chunks, twice over, so that neither half is long; and few
/// enough that a thread's loops stay below 65 535 iterations whatever the rows.
fn span(entries: usize) -> usize {
    (entries.isqrt() / 2).next_power_of_two().clamp(32, 1024)
}

impl Chunked {
    pub(super) fn new(rows: usize, entries: usize, cols: usize, own: f32) -> Chunked {
        let span = span(entries);
        let chunks = entries.div_ceil(span) as u32;
        Chunked { rows: rows as u32, cols: cols as u32, own, span: span as u32, chunks }
    }

    fn carry<T: Element>(&self, rec: &mut Recording) -> Buf<T> {
        rec.temp("parts of rows", 2 * (self.chunks * self.cols) as usize)
    }

    /// Threads of the first half.
    fn threads(&self) -> usize {
        self.chunks as usize * quads(self.cols as usize)
    }

    /// Iterations of the first half: every entry may end a row, and be followed by a search and a write.
    pub(super) fn turns(&self) -> usize {
        (self.span as usize + 1) * (1 + search_turns(self.rows as usize) + 4) + 4
    }

    /// Iterations of the second half.
    pub(super) fn fix_turns(&self) -> usize {
        self.chunks as usize + 4
    }
}

/// [`spmm`](super::spmm) in the balanced form; sizes were checked.
#[expect(clippy::too_many_arguments, reason = "the operands of the product")]
pub(super) fn spmm(
    rec: &mut Recording,
    a: &Csr,
    val: Buf<f32>,
    x: Buf<f32>,
    bias: Buf<f32>,
    y: Buf<f32>,
    cols: usize,
    how: Spmm,
) {
    let p = Chunked::new(a.rows(), a.entries(), cols, how.own);
    let carry = p.carry(rec);
    rec.clear(y);
    let n = (a.entries() * cols) as u64;
    rec.dispatch(&SPMM)
        .set("VEC", u8::from(cols.is_multiple_of(4)))
        .set("PERM", u8::from(a.perm.is_some()))
        .set("BIAS", u8::from(how.bias))
        .params(p)
        .read(a.ptr)
        .read(a.idx)
        .read(a.places())
        .read(val)
        .read(x)
        .read(bias)
        .update(y)
        .write(carry)
        .turns(p.turns())
        .work(2 * n, 4 * n + 8 * a.entries() as u64 + 4 * y.len as u64)
        .threads(p.threads());
    fix(rec, a, x, bias, carry, y, p, how.bias);
}

/// Records the second half of a sum by chunks.
#[expect(clippy::too_many_arguments, reason = "the operands of the product")]
fn fix(
    rec: &mut Recording,
    a: &Csr,
    x: Buf<f32>,
    bias: Buf<f32>,
    carry: Buf<f32>,
    y: Buf<f32>,
    p: Chunked,
    has_bias: bool,
) {
    rec.dispatch(&FIX)
        .set("VEC", u8::from(p.cols.is_multiple_of(4)))
        .set("BIAS", u8::from(has_bias))
        .params(p)
        .read(a.ptr)
        .read(x)
        .read(bias)
        .read(carry)
        .update(y)
        .turns(p.fix_turns())
        .work(carry.len as u64, 4 * carry.len as u64 + 8 * a.rows() as u64)
        .threads(a.rows() * quads(p.cols as usize));
}

/// [`aggregate_max`](super::aggregate_max) in the balanced form; sizes were checked.
pub(super) fn max(rec: &mut Recording, a: &Csr, val: Buf<f32>, x: Buf<f32>, y: Buf<f32>, arg: Buf<u32>, cols: usize) {
    let p = Chunked::new(a.rows(), a.entries(), cols, 0.0);
    let carry = p.carry::<u32>(rec);
    rec.clear(arg);
    let n = (a.entries() * cols) as u64;
    rec.dispatch(&MAX)
        .set("VEC", u8::from(cols.is_multiple_of(4)))
        .params(p)
        .read(a.ptr)
        .read(a.idx)
        .read(val)
        .read(x)
        .update(arg)
        .write(carry)
        .turns(p.turns())
        .work(n, 4 * n + 8 * a.entries() as u64)
        .threads(p.threads());
    rec.dispatch(&MAX_FIX)
        .params(p)
        .read(a.ptr)
        .read(a.idx)
        .read(x)
        .read(carry)
        .update(arg)
        .write(y)
        .turns(p.fix_turns())
        .work(carry.len as u64, 4 * carry.len as u64 + 16 * y.len as u64)
        .threads(y.len);
}

/// [`max_bwd`](super::max_bwd) in the balanced form; sizes were checked.
pub(super) fn max_bwd(rec: &mut Recording, t: &Csr, arg: Buf<u32>, dy: Buf<f32>, dx: Buf<f32>, cols: usize) {
    let p = Chunked::new(t.rows(), t.entries(), cols, 0.0);
    let carry = p.carry(rec);
    rec.clear(dx);
    let n = (t.entries() * cols) as u64;
    rec.dispatch(&MAX_BWD)
        .set("VEC", u8::from(cols.is_multiple_of(4)))
        .params(p)
        .read(t.ptr)
        .read(t.idx)
        .read(t.places())
        .read(arg)
        .read(dy)
        .update(dx)
        .write(carry)
        .turns(p.turns())
        .work(n, 8 * n + 8 * t.entries() as u64)
        .threads(p.threads());
    fix(rec, t, dy, dy, carry, dx, p, false);
}
