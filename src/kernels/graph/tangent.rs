//! Directional derivatives of the `graph` family, and the kernel of its maxima.

use super::balanced::{self, Chunked};
use super::max::Max;
use super::segment::Segments;
use super::spmm::Product;
use super::{rows_of, whole_rows};
use crate::engine::{Buf, Dispatch, Kernel, Params, Recording, Requires, Tangent, Tangents, TwinCall};
use crate::error::Result;
use crate::params;

params! {
    /// Elements of the result, and columns of a row.
    pub struct Winners { n: u32, cols: u32 }
}

/// What the winners of a maximum hold.
pub static MAX_TANGENT: Kernel = Kernel {
    name: "graph.max_tangent",
    source: include_str!("../../../shaders/graph/max_tangent.wgsl"),
    params: Winners::FIELDS,
    twin: max_twin,
    requires: Requires::Nothing,
    tangent: Tangent::Linear(&[&[2]]),
    variant_of: None,
};

/// Records `ry[b,c] = r[arg[b,c],c]`, with `idx` `r[idx[arg[b,c]],c]`, and 0 where arg is `u32::MAX`: the derivative of
/// a maximum for r that of x. `r` [rows, cols], `arg` and `ry` of one length, a multiple of `cols`.
pub fn max_tangent(rec: &mut Recording, idx: Option<Buf<u32>>, arg: Buf<u32>, r: Buf<f32>, ry: Buf<f32>, cols: usize) {
    let dims = [rows_of(ry.len, cols), cols];
    let checks = whole_rows(rec.arguments("graph.max_tangent"), "r", r, cols).shape("ry", ry, &dims);
    if checks.shape("arg", arg, &dims).wrong() {
        return;
    }
    rec.dispatch(&MAX_TANGENT)
        .set("EDGES", u8::from(idx.is_some()))
        .params(Winners { n: ry.len as u32, cols: cols as u32 })
        .read(idx.unwrap_or(arg))
        .read(arg)
        .read(r)
        .write(ry)
        .work(0, 16 * ry.len as u64)
        .threads(ry.len);
}

/// Bindings ptr idx perm val x bias y, and carry where the form is balanced: linear in the values, where neither a
/// row's own x nor the bias takes part, and in x and bias together.
pub fn spmm(t: &mut Tangents, d: &Dispatch) -> Result<()> {
    let has_bias = d.constant("BIAS")? == 1.0;
    let mut terms = Vec::new();
    let (x, bias) = (t.read(d, 4), t.read(d, 5).filter(|_| has_bias));
    if x.is_some() || bias.is_some() || t.read(d, 3).is_none() {
        let mut again = d.clone();
        again.exchange(4, t.read_or_zero(d, 4));
        if has_bias {
            again.exchange(5, t.read_or_zero(d, 5));
        }
        terms.push(again);
    }
    if let Some(val) = t.read(d, 3) {
        let mut again = d.clone();
        again.exchange(3, val);
        again.set("BIAS", 0);
        match std::ptr::eq(d.kernel, &balanced::SPMM) {
            true => again.with_params(|p: &mut Chunked| p.own = 0.0),
            false => again.with_params(|p: &mut Product| p.own = 0.0),
        }
        terms.push(again);
    }
    t.terms(d, terms)
}

/// Bindings ptr idx perm val seg dy dw.
pub fn features_bwd_w(t: &mut Tangents, d: &Dispatch) -> Result<()> {
    d.without("NORM")?;
    if d.constant("SUM")? == 0.0 && d.constant("PER_SAMPLE")? == 0.0 {
        return d.refuse("sums of squares");
    }
    t.linear(d, &[&[3], &[5]])
}

/// Bindings seg_ptr x dy dw.
pub fn segment_outer(t: &mut Tangents, d: &Dispatch) -> Result<()> {
    d.without("SQUARE")?;
    d.without("NORM")?;
    t.linear(d, &[&[1], &[2]])
}

/// Bindings seg_ptr x y arg.
pub fn segment_max(t: &mut Tangents, d: &Dispatch) -> Result<()> {
    let p: Segments = d.params();
    let (r, ry) = (t.read_or_zero(d, 1), t.write(d, 2)?);
    max_tangent(t.rec(), None, d.bound(3), r, ry, p.cols as usize);
    Ok(())
}

/// Bindings ptr idx val x y arg; which edges take part does not move.
pub fn max(t: &mut Tangents, d: &Dispatch) -> Result<()> {
    let p: Max = d.params();
    let (r, ry) = (t.read_or_zero(d, 3), t.write(d, 4)?);
    max_tangent(t.rec(), Some(d.bound(1)), d.bound(5), r, ry, p.cols as usize);
    Ok(())
}

/// Bindings ptr idx x carry arg y.
pub fn max_fix(t: &mut Tangents, d: &Dispatch) -> Result<()> {
    let p: Chunked = d.params();
    let (r, ry) = (t.read_or_zero(d, 2), t.write(d, 5)?);
    max_tangent(t.rec(), Some(d.bound(1)), d.bound(4), r, ry, p.cols as usize);
    Ok(())
}

/// Bindings idx arg r ry; see `max_tangent.wgsl`.
fn max_twin(call: &mut TwinCall) {
    let p: Winners = call.params();
    let edges = call.set("EDGES") == 1;
    let [idx, arg, r, ry] = call.bufs();
    let (idx, arg, r, cols) = (idx.u(), arg.u(), r.f(), p.cols as usize);
    for (i, ry) in ry.f_mut().iter_mut().enumerate() {
        let row = |at: usize| if edges { idx[at] as usize } else { at };
        *ry = if arg[i] == u32::MAX { 0.0 } else { r[row(arg[i] as usize) * cols + i % cols] };
    }
}
