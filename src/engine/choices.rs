//! Variants by measurement: what a tuner found for single shapes, and how it asks for the others.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

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

/// Share of the rule's time that a variant must save to be taken in its place: less is noise.
const WORTH: f64 = 0.03;

impl Choice {
    /// The fastest of some forms by their median nanoseconds, the rule's first; that one, unless another saves enough.
    /// Nothing where there is one form, or the rule's was not measured.
    pub fn fastest(kernel: &str, shape: &str, forms: &[(&str, Option<u64>)]) -> Option<Choice> {
        let (rule, instead_ns) = *forms.first().filter(|_| forms.len() > 1)?;
        let instead_ns = instead_ns?;
        let measured = forms.iter().filter_map(|(form, ns)| Some((*form, (*ns)?)));
        let (variant, ns) = measured.min_by_key(|(_, ns)| *ns)?;
        let worth = ns as f64 <= (1.0 - WORTH) * instead_ns as f64;
        let (variant, ns) = if worth { (variant, ns) } else { (rule, instead_ns) };
        let (kernel, shape, instead_of) = (kernel.to_owned(), shape.to_owned(), rule.to_owned());
        Some(Choice { kernel, shape, variant: variant.to_owned(), ns, instead_of, instead_ns })
    }
}

impl Choices {
    /// Puts a choice in the place of an earlier one for the same kernel and shape.
    pub fn put(&mut self, choice: Choice) {
        self.choices.retain(|c| (&c.kernel, &c.shape) != (&choice.kernel, &choice.shape));
        self.choices.push(choice);
        self.choices.sort_by(|a, b| (&a.kernel, &a.shape).cmp(&(&b.kernel, &b.shape)));
    }
}

/// Who chose a form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum By {
    /// The table of adapters and shapes.
    #[default]
    Rule,
    /// A measurement, among forms that add up in the rule's order.
    Tuned,
    /// A measurement, and the form adds up in another order than the rule's: results have other bits.
    Reordered,
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
    /// Number of the dispatch, in its recording, that is the answer.
    pub at: usize,
}

/// What recordings are told when they ask.
#[derive(Debug, Default)]
pub struct Advice {
    /// Variant by plain kernel and shape.
    pub(super) table: BTreeMap<(String, String), String>,
    pub(super) any_order: bool,
    pub(super) trial: Option<Trial>,
}

/// A tuner's round: every question gets the form of this number, and is written down.
#[derive(Debug)]
pub(super) struct Trial {
    pub form: usize,
    asked: Mutex<Vec<Asked>>,
}

impl Trial {
    /// Writes a question down.
    pub fn note(&self, asked: Asked) {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(asked);
    }
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

    /// What was asked since the last call, in order.
    pub fn take_asked(&self) -> Vec<Asked> {
        let Some(trial) = &self.trial else { return Vec::new() };
        std::mem::take(&mut trial.asked.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::Choice;

    #[test]
    fn the_fastest_median_is_taken_if_it_is_worth_it() {
        let of = |forms: &[_]| Choice::fastest("linear.matmul", "1", forms).map(|c| (c.variant, c.ns, c.instead_ns));
        let taken = |variant: &str, ns, rule| Some((variant.to_owned(), ns, rule));
        assert_eq!(of(&[("tiled", Some(100)), ("plain", Some(60))]), taken("plain", 60, 100));
        assert_eq!(of(&[("tiled", Some(100)), ("plain", Some(98))]), taken("tiled", 100, 100), "2 % are noise");
        assert_eq!(of(&[("tiled", Some(100)), ("plain", None)]), taken("tiled", 100, 100), "the budget ended before");
        assert_eq!(of(&[("tiled", None), ("plain", Some(9))]), None, "faster than what?");
        assert_eq!(of(&[("tiled", Some(100))]), None, "nothing to choose");
    }
}
