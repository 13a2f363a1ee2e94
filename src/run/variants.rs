//! Which variant of each kernel ran: output always names it.

use std::collections::BTreeMap;

use crate::engine::{Engine, Kernel};

/// Under what name outputs say that measured choices changed the order of sums.
const SUMS: &str = "order of sums";

/// What ran on an engine since the last call, and whether measured choices may have changed the order of sums.
pub fn ran(engine: &mut Engine) -> BTreeMap<String, String> {
    let mut all = of(&engine.take_kernels());
    if engine.any_order() {
        all.insert(SUMS.to_owned(), "any (`unlearn tune --any-order`)".to_owned());
    }
    all
}

/// Plain kernel → the variants that ran, `plain` for itself.
pub fn of<'a>(kernels: impl IntoIterator<Item = &'a &'static Kernel>) -> BTreeMap<String, String> {
    let mut all: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for kernel in kernels {
        let of = all.entry(kernel.plain().name.to_owned()).or_default();
        if !of.contains(&kernel.variant()) {
            of.push(kernel.variant());
        }
    }
    all.into_iter().map(|(plain, variants)| (plain, variants.join(", "))).collect()
}

#[cfg(test)]
mod tests {
    use crate::kernels::kernels;

    #[test]
    fn a_variant_is_filed_under_its_plain_kernel() {
        let named = |names: &[&str]| super::of(kernels().iter().filter(|k| names.contains(&k.name)));
        let of = named(&["linear.matmul", "linear.matmul_blocked", "graph.spmm_narrow", "graph.spmm_fix"]);
        let of: Vec<_> = of.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(of, [("graph.spmm", "narrow"), ("graph.spmm_fix", "plain"), ("linear.matmul", "plain, blocked")]);
    }
}
