//! Directional derivatives of the `linear` family.

use super::{MATMUL_QUADS, Matmul, Slices};
use crate::engine::{Access, Dispatch, Tangents};
use crate::error::Result;

/// Bindings a b bias y: dy = alpha (da B + A db) + dbias + beta dy, the bias in the first product and beta 1 in the
/// second.
pub fn matmul(t: &mut Tangents, d: &Dispatch) -> Result<()> {
    ["SQUARE", "RELU", "MASK"].iter().try_for_each(|form| d.without(form))?;
    let has_bias = d.constant("BIAS")? == 1.0;
    let bias = t.read(d, 2).filter(|_| has_bias);
    let beta = d.params::<Matmul>().beta;
    let mut terms = Vec::new();
    for i in 0..2 {
        if let Some(moved) = t.read(d, i) {
            let mut again = d.clone();
            again.exchange(i, moved);
            terms.push(again);
        }
    }
    if terms.is_empty() {
        if bias.is_none() && beta == 1.0 {
            return Ok(());
        }
        let mut again = d.clone();
        again.with_params(|p: &mut Matmul| p.alpha = 0.0);
        terms.push(again);
    }
    // Bound for update whatever beta is.
    let mut own = d.clone();
    own.bindings[3].1 = if beta == 0.0 { Access::Write } else { Access::Update };
    let y = t.write(&own, 3)?;
    for (k, mut again) in terms.into_iter().enumerate() {
        match bias.filter(|_| k == 0) {
            Some(bias) => again.exchange(2, bias),
            None => again.set("BIAS", 0),
        }
        if k > 0 {
            again.with_params(|p: &mut Matmul| p.beta = 1.0);
            if std::ptr::eq(d.kernel, &MATMUL_QUADS) {
                again.set("ADD", 1);
            }
        }
        again.exchange(3, y);
        t.replay(again);
    }
    Ok(())
}

/// Bindings part bias y: dy = alpha sum of dpart's slices + dbias + beta dy.
pub fn sum_slices(t: &mut Tangents, d: &Dispatch) -> Result<()> {
    ["RELU", "MASK"].iter().try_for_each(|form| d.without(form))?;
    let has_bias = d.constant("BIAS")? == 1.0;
    let mut own = d.clone();
    own.bindings[2].1 = if d.params::<Slices>().beta == 0.0 { Access::Write } else { Access::Update };
    let mut again = d.clone();
    again.exchange(0, t.read_or_zero(d, 0));
    match t.read(d, 1).filter(|_| has_bias) {
        Some(bias) => again.exchange(1, bias),
        None => again.set("BIAS", 0),
    }
    again.exchange(2, t.write(&own, 2)?);
    t.replay(again);
    Ok(())
}
