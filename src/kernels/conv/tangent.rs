//! Directional derivatives of the `conv` family.

use super::Conv;
use crate::engine::{Access, Dispatch, Tangents};
use crate::error::Result;

/// Bindings x w b y: dy = conv(dx, w) + conv(x, dw) + db, the bias in the first.
pub fn conv2d(t: &mut Tangents, d: &Dispatch) -> Result<()> {
    let has_bias = d.constant("BIAS")? == 1.0;
    let bias = t.read(d, 2).filter(|_| has_bias);
    let mut terms = Vec::new();
    for i in 0..2 {
        if let Some(moved) = t.read(d, i) {
            let mut again = d.clone();
            again.exchange(i, moved);
            terms.push(again);
        }
    }
    if terms.is_empty() {
        let mut again = d.clone();
        again.exchange(1, t.zero(d.bindings[1].0.len));
        terms.push(again);
    }
    for (k, again) in terms.iter_mut().enumerate() {
        match bias.filter(|_| k == 0) {
            Some(bias) => again.exchange(2, bias),
            None => again.set("BIAS", 0),
        }
    }
    t.terms(d, terms)
}

/// Bindings x dy dw: linear in x and in dy.
pub fn conv2d_bwd_w(t: &mut Tangents, d: &Dispatch) -> Result<()> {
    d.without("SQUARE")?;
    d.without("NORM")?;
    let p: Conv = d.params();
    let mut own = d.clone();
    if p.chunk_stride == p.co * (p.ci / p.groups) * p.kernel.element_product() {
        // No gaps between the chunks, so nothing is kept.
        own.bindings[2].1 = Access::Write;
    }
    t.linear(&own, &[&[0], &[1]])
}
