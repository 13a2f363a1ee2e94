//! Directional derivatives of the `attention` family.

use crate::engine::{Dispatch, Tangents};
use crate::error::Result;

/// Bindings ptr perm a b y.
pub fn sums(t: &mut Tangents, d: &Dispatch) -> Result<()> {
    match d.constant("PRODUCT")? == 1.0 {
        true => t.linear(d, &[&[2], &[3]]),
        false => t.linear(d, &[&[2]]),
    }
}
