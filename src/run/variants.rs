//! Which variant of each kernel ran: output always names it.

use std::collections::BTreeMap;

use crate::engine::{By, Engine, Ran};

/// What ran on an engine since its kernels were last taken; models of a stack ran the same.
pub fn ran(engine: &Engine) -> BTreeMap<String, String> {
    of(&engine.kernels())
}

/// Plain kernel → the variants that ran, `plain` for itself, and which of them `unlearn tune` chose.
pub fn of<'a>(kernels: impl IntoIterator<Item = &'a Ran>) -> BTreeMap<String, String> {
    let mut all: BTreeMap<&str, Vec<(&str, By)>> = BTreeMap::new();
    for Ran { kernel, by } in kernels {
        let known = all.entry(kernel.plain().name).or_default();
        match known.iter_mut().find(|(variant, _)| *variant == kernel.variant()) {
            Some((_, known)) => *known = (*known).max(*by),
            None => known.push((kernel.variant(), *by)),
        }
    }
    let named = |(variant, by): (&str, By)| match by {
        By::Rule => variant.to_owned(),
        By::Tuned => format!("{variant} (tuned)"),
        By::Reordered => format!("{variant} (tuned; another order of sums)"),
    };
    let joined = |variants: Vec<_>| variants.into_iter().map(named).collect::<Vec<_>>().join(", ");
    all.into_iter().map(|(plain, variants)| (plain.to_owned(), joined(variants))).collect()
}

#[cfg(test)]
mod tests {
    use crate::engine::{By, Ran};
    use crate::kernels::kernels;

    fn of(ran: &[(&str, By)]) -> Vec<(String, String)> {
        let row = |name: &str| *kernels().iter().find(|k| k.name == name).unwrap();
        super::of(&ran.iter().map(|(name, by)| Ran { kernel: row(name), by: *by }).collect::<Vec<_>>())
            .into_iter()
            .collect()
    }

    #[test]
    fn a_form_that_was_measured_is_said_to_be() {
        let of = of(&[
            ("linear.matmul_blocked", By::Rule),
            ("linear.matmul_blocked", By::Tuned),
            ("linear.matmul", By::Rule),
            ("conv.conv2d_bwd_w", By::Reordered),
        ]);
        let of: Vec<_> = of.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        let sums = "plain (tuned; another order of sums)";
        assert_eq!(of, [("conv.conv2d_bwd_w", sums), ("linear.matmul", "blocked (tuned), plain")]);
    }

    #[test]
    fn a_variant_is_filed_under_its_plain_kernel() {
        let names = ["linear.matmul", "linear.matmul_blocked", "graph.spmm_narrow", "graph.spmm_fix"];
        let of = of(&names.map(|name| (name, By::Rule)));
        let of: Vec<_> = of.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(of, [("graph.spmm", "narrow"), ("graph.spmm_fix", "plain"), ("linear.matmul", "plain, blocked")]);
    }
}
