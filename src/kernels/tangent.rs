//! Directional derivatives of recordings. The rules of each kernel stand with its family.

use super::map;
use crate::engine::case::{Case, Gen, Role};
use crate::engine::{Buf, Recording, Tangents};
use crate::error::Result;

/// [`Recording::tangent`] with the kernel that adds terms up.
pub fn tangent(rec: &mut Recording, seeds: &[(Buf<f32>, Buf<f32>)]) -> Result<Tangents> {
    rec.tangent(seeds, |rec, term, sum| map::axpby(rec, 1.0, term, 1.0, sum))
}

/// A case of a recording and its derivative, along random directions.
pub(super) fn along(mut case: Case, name: String, seed: u64) -> Case {
    let mut g = Gen::new(seed);
    let mut seeds = Vec::new();
    for (value, buf) in case.floats() {
        let home = match buf.role {
            Role::Output => case.output("derivative", value.len),
            Role::Input => case.input("direction", g.values(value.len)),
            Role::InOut => case.inout("derivative", g.values(value.len)),
        };
        seeds.push((value, home));
    }
    tangent(&mut case.rec, &seeds).unwrap_or_else(|e| panic!("{name}: {e}"));
    Case { name, ..case }
}
