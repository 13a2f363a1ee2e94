//! Variants by measurement: what a tuner found for single shapes, and how it asks for the others.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::kernel::Kernel;
use super::recording::Recording;
use super::shader::supported;

/// Name and version of a file of choices.
pub const CHOICES: &str = "unlearn.tuned/1";

/// One measured choice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// Name of the plain kernel.
    pub kernel: String,
    /// The numbers that the choice goes by, `64x120x400` for [m, n, k] of a product.
    pub shape: String,
    /// The variant that runs, `plain` for the plain kernel.
    pub variant: String,
    /// Median nanoseconds of a dispatch of it.
    pub ns: u64,
    /// The variant that would run without measurement.
    pub instead_of: String,
    /// Median nanoseconds of that.
    pub instead_ns: u64,
}

/// The choices for one adapter and driver.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choices {
    /// [`CHOICES`].
    pub schema: String,
    /// As [`AdapterReport::describe`](super::AdapterReport::describe) has it; choices of another are not used.
    pub adapter: String,
    /// Whether variants were taken that add up in another order, so that results have other bits.
    pub any_order: bool,
    /// By kernel and shape, each once.
    pub choices: Vec<Choice>,
}

impl Choices {
    /// Puts a choice in the place of an earlier one for the same kernel and shape.
    pub fn put(&mut self, choice: Choice) {
        self.choices.retain(|c| (&c.kernel, &c.shape) != (&choice.kernel, &choice.shape));
        self.choices.push(choice);
        self.choices.sort_by(|a, b| (&a.kernel, &a.shape).cmp(&(&b.kernel, &b.shape)));
    }
}

/// A question that a record function asked: which of these forms.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// The plain kernel's name.
    pub kernel: &'static str,
    /// What the choice goes by.
    pub shape: String,
    /// The variants that could run, the one without measurement first.
    pub forms: Vec<&'static str>,
}

/// What recordings are told when they ask.
#[derive(Debug, Default)]
pub struct Advice {
    table: BTreeMap<(String, String), String>,
    any_order: bool,
    trial: Option<Trial>,
}

/// A tuner's round: every question gets the form of this number, and is written down.
#[derive(Debug)]
struct Trial {
    form: usize,
    asked: Mutex<Vec<Asked>>,
}

impl Advice {
    /// What was measured.
    pub fn measured(choices: &Choices) -> Arc<Advice> {
        let one = |c: &Choice| ((c.kernel.clone(), c.shape.clone()), c.variant.clone());
        let table = choices.choices.iter().map(one).collect();
        Arc::new(Advice { table, any_order: choices.any_order, trial: None })
    }

    /// Form number `form` for everything, the last one where there are fewer.
    pub fn trial(form: usize, any_order: bool) -> Arc<Advice> {
        let trial = Some(Trial { form, asked: Mutex::default() });
        Arc::new(Advice { table: BTreeMap::new(), any_order, trial })
    }

    /// Whether the order of a sum may change.
    pub fn any_order(&self) -> bool {
        self.any_order
    }

    /// What was asked since the last call, in order.
    pub fn take_asked(&self) -> Vec<Asked> {
        let Some(trial) = &self.trial else { return Vec::new() };
        std::mem::take(&mut trial.asked.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Recording {
    /// The same recording, told this when a record function asks for a variant.
    pub fn advised(mut self, advice: Option<Arc<Advice>>) -> Recording {
        self.advice = advice;
        self
    }

    /// The form that a record function dispatches once, next: `rule` is what the table of adapters says, and `forms` are
    /// those that can run with these arguments, each with the order in which it adds up. A measurement for the same
    /// `shape` goes before the rule, within the rule's order unless it was asked to leave that.
    pub fn form(
        &self,
        rule: &'static Kernel,
        forms: &[(&'static Kernel, &'static str)],
        shape: &[usize],
    ) -> &'static Kernel {
        let Some(advice) = &self.advice else { return rule };
        let order = |kernel: &Kernel| forms.iter().find(|(k, _)| std::ptr::eq(*k, kernel)).map(|(_, order)| *order);
        let same = |kernel: &Kernel| advice.any_order || order(kernel) == order(rule);
        let runs = |kernel: &Kernel| supported(kernel.requires, self.target().subgroup);
        let others = forms.iter().map(|(kernel, _)| *kernel);
        let others = others.filter(|k| !std::ptr::eq(*k, rule) && runs(k) && same(k));
        let open: Vec<&'static Kernel> = std::iter::once(rule).chain(others).collect();
        let shape = shape.iter().map(ToString::to_string).collect::<Vec<_>>().join("x");
        if let Some(trial) = &advice.trial {
            let kernel = rule.plain().name;
            let forms = open.iter().map(|k| k.variant()).collect();
            trial.asked.lock().unwrap_or_else(PoisonError::into_inner).push(Asked { kernel, shape, forms });
            return open[trial.form.min(open.len() - 1)];
        }
        let measured = advice.table.get(&(rule.plain().name.to_owned(), shape));
        let found = measured.and_then(|variant| open.iter().find(|k| k.variant() == variant));
        found.copied().unwrap_or(rule)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Target;
    use crate::kernels::linear::{MATMUL, MATMUL_BLOCKED, MATMUL_BROADCAST};

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
    fn a_trial_goes_through_the_forms_of_one_order_and_writes_the_questions_down() {
        for (form, variant) in [(0, "plain"), (1, "broadcast"), (7, "broadcast")] {
            let advice = Advice::trial(form, false);
            assert_eq!(chosen(advice.clone(), &[1], 8), variant);
            let asked = Asked { kernel: "linear.matmul", shape: "1".into(), forms: vec!["plain", "broadcast"] };
            assert_eq!(advice.take_asked(), [asked]);
        }
        assert_eq!(chosen(Advice::trial(1, true), &[1], 8), "blocked");
    }
}
