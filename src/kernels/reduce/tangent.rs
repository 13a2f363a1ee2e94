//! Directional derivatives of the `reduce` family.

use super::{Columns, Total};
use crate::engine::{Dispatch, Tangents};
use crate::error::Result;
use crate::kernels::map::{self, Binary};

/// Bindings x y.
pub fn columns(t: &mut Tangents, d: &Dispatch) -> Result<()> {
    squares(t, d, |again| again.with_params(|p: &mut Columns| p.alpha *= 2.0))
}

/// Bindings x y.
pub fn total(t: &mut Tangents, d: &Dispatch) -> Result<()> {
    squares(t, d, |again| again.with_params(|p: &mut Total| p.scale *= 2.0))
}

/// A sum is linear; the derivative of a sum of squares is the sum of x dx, doubled.
fn squares(t: &mut Tangents, d: &Dispatch, double: fn(&mut Dispatch)) -> Result<()> {
    let square = d.constant("SQUARE")? == 1.0;
    let Some(r) = t.read(d, 0).filter(|_| square) else { return t.linear(d, &[&[0]]) };
    let product = t.rec().temp("x dx", r.len);
    map::binary(t.rec(), Binary::Mul, d.bound(0), r, product);
    let mut again = d.clone();
    again.set("SQUARE", 0);
    again.exchange(0, product);
    double(&mut again);
    t.terms(d, vec![again])
}
