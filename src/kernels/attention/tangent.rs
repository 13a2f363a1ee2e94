//! Directional derivatives of the `attention` family, and the kernels that they need.

use super::rows::{MERGE, Merge, SOFTMAX_MERGE, SUMS, Soft, SoftMerge, Sums};
use super::twin;
use crate::engine::{Access, Buf, Dispatch, Fields, Kernel, Params, Requires, Span, Tangent, Tangents, Twin};
use crate::error::{Error, Result};
use crate::kernels::map::{self, Binary};

const fn row(name: &'static str, source: &'static str, params: Fields, twin: Twin, tangent: Tangent) -> Kernel {
    Kernel { name, source, params, twin, requires: Requires::Nothing, tangent, variant_of: None }
}

/// What both ends of an edge have, on the edge.
pub static SPREAD: Kernel = row(
    "attention.spread",
    include_str!("../../../shaders/attention/spread.wgsl"),
    Sums::FIELDS,
    twin::spread,
    Tangent::Linear(&[&[2, 3]]),
);

/// The slope of the leaky relu, on the edges.
pub static LEAK: Kernel = row(
    "attention.leak",
    include_str!("../../../shaders/attention/leak.wgsl"),
    Soft::FIELDS,
    twin::leak,
    Tangent::Missing,
);

/// The derivative of a softmax.
pub static CENTRE: Kernel = row(
    "attention.centre",
    include_str!("../../../shaders/attention/centre.wgsl"),
    Sums::FIELDS,
    twin::centre,
    Tangent::Linear(&[&[1], &[2, 3]]),
);

/// Bindings ptr perm a b y.
pub fn sums(t: &mut Tangents, d: &Dispatch) -> Result<()> {
    match d.constant("PRODUCT")? == 1.0 {
        true => t.linear(d, &[&[2], &[3]]),
        false => t.linear(d, &[&[2]]),
    }
}

/// The edges that a dispatch walks: its first binding is the CSR by target, or the table of its pieces.
struct Walk<'a> {
    d: &'a Dispatch,
    heads: u32,
    slots: u32,
    split: bool,
}

impl Walk<'_> {
    fn of(d: &Dispatch) -> Result<Walk<'_>> {
        let Soft { slots, heads, .. } = d.params();
        Ok(Walk { d, heads, slots, split: d.constant("SPLIT")? == 1.0 })
    }

    /// Records a kernel over the same edges.
    fn record(&self, t: &mut Tangents, kernel: &'static Kernel, reads: &[Span], (out, access): (Buf<f32>, Access)) {
        let (n, ptr) = ((self.slots * self.heads) as usize, self.d.bound::<u32>(0));
        let pass = t.rec().dispatch(kernel).set("SPLIT", u8::from(self.split));
        let pass = match kernel.params.len() {
            2 => pass.params(Sums { slots: self.slots, heads: self.heads }),
            _ => pass.params(self.d.params::<Soft>()),
        };
        let pass = reads.iter().fold(pass.read(ptr), |pass, span| pass.bind(*span, Access::Read));
        pass.bind(out.any(), access).work(self.d.flops / 2, self.d.bytes).turns(self.d.turns as usize).threads(n);
    }

    /// Records the sums of `a` (times `b`) over the edges of each slot.
    fn slot_sums(&self, t: &mut Tangents, a: Buf<f32>, b: Option<Buf<f32>>, y: Buf<f32>) {
        let idx: Buf<u32> = self.d.bound(1);
        self.record(t, &SUMS, &[idx.any(), a.any(), b.unwrap_or(a).any()], (y, Access::Write));
        if let (Some(_), Some(last)) = (b, t.last()) {
            last.set("PRODUCT", 1);
        }
    }

    /// Where rows are not cut: the sums of `a b` over the edges of each row.
    fn row_sums(&self, t: &mut Tangents, a: Buf<f32>, b: Buf<f32>) -> Buf<f32> {
        let y = t.rec().temp("row sums", (self.slots * self.heads) as usize);
        self.slot_sums(t, a, Some(b), y);
        y
    }

    fn spread(&self, t: &mut Tangents, [src, dst]: [Buf<f32>; 2], y: Buf<f32>) {
        self.record(t, &SPREAD, &[self.d.bindings[1].0, src.any(), dst.any()], (y, Access::Write));
    }

    fn leak(&self, t: &mut Tangents, [src, dst]: [Span; 2], x: Buf<f32>) {
        self.record(t, &LEAK, &[self.d.bindings[1].0, src, dst], (x, Access::Update));
    }

    fn centre(&self, t: &mut Tangents, alpha: Buf<f32>, mean: Buf<f32>, x: Buf<f32>, y: Buf<f32>) {
        self.record(t, &CENTRE, &[alpha.any(), mean.any(), x.any()], (y, Access::Write));
    }
}

/// Bindings ptr idx takes s_src s_dst stats alpha: alpha (r − Σ alpha r) with r the derivative of the scores. Which
/// edges take part does not move.
pub fn softmax(t: &mut Tangents, d: &Dispatch) -> Result<()> {
    let walk = Walk::of(d)?;
    let ends = [t.read_or_zero(d, 3), t.read_or_zero(d, 4)];
    let (alpha, out) = (d.bound::<f32>(6), t.write(d, 6)?);
    let r = t.rec().temp("scores", alpha.len);
    walk.spread(t, ends, r);
    walk.leak(t, [d.bindings[3].0, d.bindings[4].0], r);
    let mut mean = walk.row_sums(t, alpha, r);
    if walk.split {
        mean = merged(t, d.bindings[5].0, mean, walk.heads)?;
    }
    walk.centre(t, alpha, mean, r, out);
    Ok(())
}

/// Sums of pieces to sums of rows, cut as the softmax that has these `stats` was.
fn merged(t: &mut Tangents, stats: Span, part: Buf<f32>, heads: u32) -> Result<Buf<f32>> {
    let made = |d: &&Dispatch| std::ptr::eq(d.kernel, &SOFTMAX_MERGE) && d.bindings[2].0 == stats;
    let found = t.rec().dispatches().filter(made).last().cloned();
    let d = found.ok_or_else(|| Error::internal("a softmax over pieces whose statistics nobody computed"))?;
    let SoftMerge { rows, chunk, .. } = d.params();
    let y = t.rec().temp("row sums", (rows * heads) as usize);
    t.rec()
        .dispatch(&MERGE)
        .set("WIDE", u8::from(heads.is_multiple_of(4)))
        .params(Merge { rows, cols: heads, chunk })
        .read(d.bound::<u32>(0))
        .read(part)
        .write(y)
        .work(part.len as u64, 4 * (part.len + y.len) as u64)
        .turns(4 * d.turns as usize)
        .threads(y.len.div_ceil(4));
    Ok(y)
}

/// Bindings ptr idx s_src s_dst alpha rowsum g y. With m = Σ alpha g over the row, g becomes alpha (g − m) times the
/// slope; its derivative needs g as it was, so these commands go first.
pub fn softmax_bwd(t: &mut Tangents, d: &Dispatch) -> Result<()> {
    let walk = Walk::of(d)?;
    let (alpha, g) = (d.bound::<f32>(4), d.bound::<f32>(6));
    let (ralpha, rg) = (t.read_or_zero(d, 4), t.read_or_zero(d, 6));
    let (mean, rmean) = if walk.split {
        (d.bound(5), t.read_or_zero(d, 5))
    } else {
        let rmean = walk.row_sums(t, ralpha, g);
        let other = walk.row_sums(t, alpha, rg);
        t.add(other, rmean);
        (walk.row_sums(t, alpha, g), rmean)
    };
    let [by_alpha, by_g] = ["by alpha", "by g"].map(|name| t.rec().temp(name, g.len));
    walk.centre(t, ralpha, mean, g, by_alpha);
    walk.centre(t, alpha, rmean, rg, by_g);
    let (out, y) = (t.write(d, 6)?, t.write(d, 7)?);
    map::binary(t.rec(), Binary::Add, by_alpha, by_g, out);
    walk.leak(t, [d.bindings[2].0, d.bindings[3].0], out);
    walk.slot_sums(t, out, None, y);
    Ok(())
}
