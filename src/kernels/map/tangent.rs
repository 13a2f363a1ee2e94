//! Directional derivatives of the `map` family, and the kernel that they need.

use super::random::Dropout;
use super::{Binary, Curve, Numbers, quads};
use crate::engine::{Buf, Dispatch, Kernel, Params, Recording, Requires, Tangent, Tangents};
use crate::error::Result;

/// What the slope's own change adds to the derivative of [`UNARY_BWD`](super::UNARY_BWD).
pub static UNARY_BWD_TANGENT: Kernel = Kernel {
    name: "map.unary_bwd_tangent",
    source: include_str!("../../../shaders/map/unary_bwd_tangent.wgsl"),
    params: Numbers::FIELDS,
    twin: super::twin::unary_bwd_tangent,
    requires: Requires::Nothing,
    tangent: Tangent::Missing,
    variant_of: None,
};

/// Records `out = s'(v) r dy`, added to what is there if `add`: s is the slope of `op` as a function of v, which is x,
/// or y for tanh and sigmoid, and r the derivative of v. Equal lengths; `out` must be another buffer than the others.
pub fn unary_bwd_tangent(
    rec: &mut Recording,
    op: impl Into<Curve>,
    v: Buf<f32>,
    r: Buf<f32>,
    dy: Buf<f32>,
    out: Buf<f32>,
    add: bool,
) {
    let n = out.len;
    let checks = rec.arguments("map.unary_bwd_tangent").shape("v", v, &[n]).shape("r", r, &[n]);
    if checks.shape("dy", dy, &[n]).wrong() {
        return;
    }
    let curve = op.into();
    let pass = rec.dispatch(&UNARY_BWD_TANGENT).set("OP", curve.op as u32).set("ADD", u8::from(add));
    let pass = pass.params(curve.numbers()).read(v).read(r).read(dy);
    let pass = if add { pass.update(out) } else { pass.write(out) };
    pass.work(10 * n as u64, 16 * n as u64).threads(quads(n));
}

/// Bindings x y.
pub fn unary(t: &mut Tangents, d: &Dispatch) -> Result<()> {
    let curve = Curve::of(d)?;
    let (r, dy) = (t.read_or_zero(d, 0), t.write(d, 1)?);
    super::unary_bwd(t.rec(), curve, d.bound(0), d.bound(1), r, dy);
    Ok(())
}

/// Bindings x y dy dx.
pub fn unary_bwd(t: &mut Tangents, d: &Dispatch) -> Result<()> {
    let curve = Curve::of(d)?;
    let from = u32::from(curve.op.by_result()) as usize;
    let (v, r) = (d.bound(from), t.read(d, from).filter(|_| !curve.op.straight()));
    let along = t.read(d, 2);
    if along.is_none() && r.is_none() {
        t.still(d, 3);
        return Ok(());
    }
    let dx = t.write(d, 3)?;
    if let Some(along) = along {
        let mut again = d.clone();
        again.exchange(2, along);
        again.exchange(3, dx);
        t.replay(again);
    }
    if let Some(r) = r {
        unary_bwd_tangent(t.rec(), curve, v, r, d.bound(2), dx, along.is_some());
    }
    Ok(())
}

/// Bindings a b y.
pub fn binary(t: &mut Tangents, d: &Dispatch) -> Result<()> {
    let op = Binary::ALL[d.constant("OP")? as usize];
    let sign = match op {
        Binary::Add => 1.0,
        Binary::Sub => -1.0,
        Binary::Mul => return t.linear(d, &[&[0], &[1]]),
    };
    let (a, b, y) = (t.read(d, 0), t.read(d, 1), t.write(d, 2)?);
    match (a, b) {
        (Some(a), Some(b)) => super::binary(t.rec(), op, a, b, y),
        (Some(a), None) => super::axpby(t.rec(), 1.0, a, 0.0, y),
        (None, Some(b)) => super::axpby(t.rec(), sign, b, 0.0, y),
        (None, None) => t.still(d, 2),
    }
    Ok(())
}

/// Bindings x step y: what passes is scaled as it was.
pub fn relu_dropout(t: &mut Tangents, d: &Dispatch) -> Result<()> {
    let p: Dropout = d.params();
    let (r, dy) = (t.read_or_zero(d, 0), t.write(d, 2)?);
    super::relu_dropout_bwd(t.rec(), d.bound(2), r, dy, p.rate);
    Ok(())
}
