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
