//! How a record function asks which of its forms runs.

use std::sync::Arc;

use super::choices::{Advice, Asked, By};
use super::kernel::{Kernel, Requires};
use super::recording::Recording;

impl Recording {
    /// The same recording, told this when a record function asks for a variant.
    pub fn advised(mut self, advice: Option<Arc<Advice>>) -> Recording {
        self.advice = advice;
        self
    }

    /// The form that a record function dispatches once, next: `rule` is what the table of adapters says, and `forms`
    /// are those that can run with these arguments, each with the order in which it adds up. A measurement for the
    /// same `shape` goes before the rule, within the rule's order unless it was asked to leave that.
    pub fn form<O: PartialEq>(
        &mut self,
        rule: &'static Kernel,
        forms: &[(&'static Kernel, O)],
        shape: &[usize],
    ) -> &'static Kernel {
        let Some(advice) = self.advice.clone() else { return rule };
        let order = |kernel: &Kernel| forms.iter().find(|(k, _)| std::ptr::eq(*k, kernel)).map(|(_, order)| order);
        let same = |kernel: &Kernel| advice.any_order || order(kernel) == order(rule);
        let runs = |kernel: &Kernel| match kernel.requires {
            Requires::Nothing => true,
            Requires::Subgroup8 => self.target().subgroup >= 8,
            // Other numbers are for the user to ask for.
            Requires::Matrices8 | Requires::Matrices16 => false,
        };
        let others = forms.iter().map(|(kernel, _)| *kernel);
        let others = others.filter(|k| !std::ptr::eq(*k, rule) && runs(k) && same(k));
        let open: Vec<&'static Kernel> = std::iter::once(rule).chain(others).collect();
        let shape = shape.iter().map(ToString::to_string).collect::<Vec<_>>().join("x");
        if let Some(trial) = &advice.trial {
            let kernel = rule.plain().name;
            let forms = open.iter().map(|k| k.variant()).collect();
            trial.note(Asked { kernel, shape, forms, at: self.dispatches().count() });
            return open[trial.form.min(open.len() - 1)];
        }
        let measured = advice.table.get(&(rule.plain().name.to_owned(), shape));
        let found = measured.and_then(|variant| open.iter().find(|k| k.variant() == variant));
        let found = found.copied().unwrap_or(rule);
        if !std::ptr::eq(found, rule) {
            let by = if order(found) == order(rule) { By::Tuned } else { By::Reordered };
            self.picked.entry(found.name).and_modify(|known| *known = by.max(*known)).or_insert(by);
        }
        found
    }

    /// Who chose the form of this name: a measurement, if it did so for any of its dispatches.
    pub(super) fn chosen_by(&self, kernel: &Kernel) -> By {
        self.picked.get(kernel.name).copied().unwrap_or_default()
    }

    /// The kernel of the first dispatch, and whether a measurement chose it.
    pub fn first_form(&self) -> Option<(&'static Kernel, bool)> {
        let kernel = self.dispatches().next()?.kernel;
        Some((kernel, self.chosen_by(kernel) != By::Rule))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Choice, Choices, Target};
    use crate::engine::{Requires, Tangent};

    static MATMUL: Kernel = Kernel {
        name: "linear.matmul",
        source: "",
        params: &[],
        twin: |_| (),
        requires: Requires::Nothing,
        tangent: Tangent::Missing,
        variant_of: None,
    };

    static MATMUL_BLOCKED: Kernel = Kernel { name: "linear.matmul_blocked", variant_of: Some(&MATMUL), ..MATMUL };

    static MATMUL_BROADCAST: Kernel =
        Kernel { name: "linear.matmul_broadcast", requires: Requires::Subgroup8, variant_of: Some(&MATMUL), ..MATMUL };

    const FORMS: [(&Kernel, &str); 3] = [(&MATMUL, "plain"), (&MATMUL_BLOCKED, "other"), (&MATMUL_BROADCAST, "plain")];

    fn table(variant: &str, any_order: bool) -> Choices {
        let mut choices = Choices { any_order, ..Choices::default() };
        let (kernel, shape, instead_of) = ("linear.matmul".to_owned(), "4x5x6".to_owned(), "plain".to_owned());
        choices.put(Choice { kernel, shape, variant: variant.to_owned(), ns: 1, instead_of, instead_ns: 2 });
        choices
    }

    fn chosen(advice: Arc<Advice>, shape: &[usize], subgroup: u32) -> &'static str {
        let target = Target { software: true, subgroup, ..Target::default() };
        Recording::new(target).advised(Some(advice)).form(&MATMUL, &FORMS, shape).variant()
    }

    #[test]
    fn a_measurement_decides_for_its_own_shape_and_order() {
        let measured = |variant, any| Advice::measured(&table(variant, any));
        assert_eq!(chosen(measured("broadcast", false), &[4, 5, 6], 8), "broadcast");
        assert_eq!(chosen(measured("broadcast", false), &[4, 5, 7], 8), "plain", "another shape");
        assert_eq!(chosen(measured("broadcast", false), &[4, 5, 6], 4), "plain", "the adapter cannot run it");
        assert_eq!(chosen(measured("blocked", false), &[4, 5, 6], 8), "plain", "another order of the sum");
        assert_eq!(chosen(measured("blocked", true), &[4, 5, 6], 8), "blocked");
        assert_eq!(chosen(measured("gone", true), &[4, 5, 6], 8), "plain", "no such variant");
    }

    #[test]
    fn a_recording_knows_which_forms_were_measured() {
        let target = Target { software: true, subgroup: 8, ..Target::default() };
        let by = |variant, any, shape: &[usize]| {
            let advice = Some(Advice::measured(&table(variant, any)));
            let mut rec = Recording::new(target).advised(advice);
            let found = rec.form(&MATMUL, &FORMS, shape);
            rec.form(&MATMUL, &FORMS, &[1]);
            rec.chosen_by(found)
        };
        assert_eq!(by("broadcast", false, &[4, 5, 6]), By::Tuned);
        assert_eq!(by("blocked", true, &[4, 5, 6]), By::Reordered);
        assert_eq!(by("broadcast", false, &[4, 5, 7]), By::Rule, "another shape");
        assert_eq!(by("plain", false, &[4, 5, 6]), By::Rule, "what the rule says itself");
    }

    #[test]
    fn a_trial_goes_through_the_forms_of_one_order_and_writes_the_questions_down() {
        for (form, variant) in [(0, "plain"), (1, "broadcast"), (7, "broadcast")] {
            let advice = Advice::trial(form, false);
            assert_eq!(chosen(advice.clone(), &[1], 8), variant);
            let asked = Asked { kernel: "linear.matmul", shape: "1".into(), forms: vec!["plain", "broadcast"], at: 0 };
            assert_eq!(advice.take_asked(), [asked]);
        }
        assert_eq!(chosen(Advice::trial(1, true), &[1], 8), "blocked");
    }
}
