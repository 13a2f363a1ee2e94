//! The sets of override values that pipelines are made with: a compiler should see each of them.

use std::collections::BTreeMap;

use super::check::grad;
use crate::engine::{Consts, Kernel, Recording, composed};
use crate::error::Result;
use crate::kernels;

/// Sets by their names (see [`name`]).
pub type Sets = BTreeMap<String, Consts>;

/// A set as file names carry it: `BIAS=1,WG=64`, by name; empty without overrides.
pub fn name(consts: &Consts) -> String {
    let pairs: Vec<String> = consts.iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join(",")
}

/// By kernel, the sets that some case, layer or named architecture uses.
///
/// # Errors
/// An example of the registries is not a network, or a dispatch does not fit its shader.
pub fn used() -> Result<BTreeMap<&'static str, Sets>> {
    let mut all: BTreeMap<&'static str, Sets> = kernels::kernels().iter().map(|k| (k.name, Sets::new())).collect();
    let mut failed = None;
    let mut add = |rec: &Recording| {
        for d in rec.dispatches() {
            match set_of(d.kernel, &d.consts) {
                Ok(consts) => drop(all.entry(d.kernel.name).or_default().insert(name(&consts), consts)),
                Err(e) => drop(failed.get_or_insert(e)),
            }
        }
    };
    kernels::cases().iter().for_each(|case| add(&case.rec));
    grad::recordings(add)?;
    failed.map_or(Ok(all), Err)
}

fn set_of(kernel: &'static Kernel, given: &[(&'static str, f64)]) -> Result<Consts> {
    composed(kernel)?.consts(kernel, given)
}
