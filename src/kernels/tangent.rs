//! Directional derivatives of recordings. The rules of each kernel stand with its family.

use super::map;
use crate::engine::{Buf, Recording, Tangents};
use crate::error::Result;

/// [`Recording::tangent`] with the kernel that adds terms up.
pub fn tangent(rec: &mut Recording, seeds: &[(Buf<f32>, Buf<f32>)]) -> Result<Tangents> {
    rec.tangent(seeds, |rec, term, sum| map::axpby(rec, 1.0, term, 1.0, sum))
}
