//! Which variant of each kernel ran: output always names it.

use std::collections::{BTreeMap, BTreeSet};

/// Endings by which a variant's name differs from its plain kernel's.
const VARIANTS: &[&str] = &["broadcast", "tile", "subgroup", "coop"];

/// Plain kernel → the variants that ran (`plain` where it has no other name).
pub fn of(kernels: BTreeSet<&'static str>) -> BTreeMap<String, String> {
    let mut all: BTreeMap<String, String> = BTreeMap::new();
    for kernel in kernels {
        let split = kernel.rsplit_once('_').filter(|(_, ending)| VARIANTS.contains(ending));
        let (plain, variant) = split.unwrap_or((kernel, "plain"));
        all.entry(plain.to_owned()).and_modify(|known| *known += &format!(", {variant}")).or_insert(variant.to_owned());
    }
    all
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_variant_is_filed_under_its_plain_kernel() {
        let of = super::of(["linear.matmul", "linear.matmul_broadcast", "map.fill"].into());
        assert_eq!((of["linear.matmul"].as_str(), of["map.fill"].as_str()), ("plain, broadcast", "plain"));
    }
}
