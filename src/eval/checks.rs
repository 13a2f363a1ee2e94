//! The checks of a verdict, one rule each. A rule reads one model's metrics against the references; what it means is
//! decided by `super::verdict`, which reads the same rule on the controls.
//!
//! Every limit is a multiple of the spread of the retrains: as far as a further retrain lies with 95 % confidence
//! ([`Spread`]), so a method passes where it cannot be told from one. Utility may be lost to a margin besides
//! (`super::spread::MARGIN`).

mod readings;

use readings::{Side, divergence, gap, membership, nearer, not_below, not_below_unlink, off, one_sided};

use super::values::Metrics;
use super::verdict::{Aspect, Evidence, RequestScope};

/// What a rule saw in one model.
pub(super) enum Reading {
    /// A value it needs is absent; says which.
    Absent(String),
    /// The setting cannot tell forgetting from noise; says why.
    NonDiscriminating(String),
    Value(Box<Measured>),
}

/// A value against its limit.
pub(super) struct Measured {
    pub value: f64,
    pub target: Option<f64>,
    pub limit: f64,
    /// The limit as a multiple of the retrains' spread; none where it is a control's value.
    pub multiple: Option<f64>,
    /// How far beyond the limit; 0 or less is within.
    pub over: f64,
    /// As `over`, for a control.
    pub control_over: f64,
    /// Standard error of what `over` is the difference of.
    pub se: f64,
    pub text: String,
}

pub(super) struct Rule {
    pub name: &'static str,
    pub aspect: Aspect,
    pub read: fn(&Evidence, &Metrics) -> Reading,
}

const FORGET_ACCURACY: Rule = Rule {
    name: "forget accuracy",
    aspect: Aspect::Forgetting,
    read: |evidence, model| gap(evidence, model, "Forget accuracy", "splits.forget"),
};
/// Utility may be better than a retrain's.
const RETAIN_ACCURACY: Rule = Rule {
    name: "retain accuracy",
    aspect: Aspect::Utility,
    read: |evidence, model| {
        let keys = ("splits.retain.accuracy", "splits.retain.count");
        one_sided(evidence, model, "Retain accuracy", keys, Side::NotBelow)
    },
};
const TEST_ACCURACY: Rule = Rule {
    name: "test accuracy",
    aspect: Aspect::Utility,
    read: |evidence, model| {
        let keys = ("splits.test.accuracy", "splits.test.count");
        one_sided(evidence, model, "Test accuracy", keys, Side::NotBelow)
    },
};
const DIVERGENCE: Rule = Rule { name: "divergence to the retrain", aspect: Aspect::Forgetting, read: divergence };
const MEMBERSHIP: Rule = Rule { name: "membership attack", aspect: Aspect::Forgetting, read: membership };
const NEARER: Rule = Rule { name: "nearer than doing nothing", aspect: Aspect::Distance, read: nearer };
const CLASS_TRAIN: Rule = Rule {
    name: "forgotten class on training records",
    aspect: Aspect::Forgetting,
    read: |evidence, model| {
        let what = "Accuracy on the forgotten training records";
        one_sided(evidence, model, what, ("splits.forget.accuracy", "splits.forget.count"), Side::NotAbove)
    },
};
const CLASS_TEST: Rule = Rule {
    name: "forgotten class on test records",
    aspect: Aspect::Forgetting,
    read: |evidence, model| {
        let keys = ("class_request.forgotten_test_accuracy", "splits.test.count");
        one_sided(evidence, model, "Accuracy on the forgotten classes' test records", keys, Side::NotAbove)
    },
};
/// The retained classes may gain.
const RETAINED_CLASSES: Rule = Rule {
    name: "retained classes on test records",
    aspect: Aspect::Utility,
    read: |evidence, model| {
        let keys = ("class_request.retained_test_accuracy", "splits.test.count");
        one_sided(evidence, model, "Test accuracy on the retained classes", keys, Side::NotBelow)
    },
};
const NOT_BELOW_UNLINK: Rule = Rule { name: "not below unlink", aspect: Aspect::Utility, read: not_below_unlink };

const FORGET_ERROR: Rule = Rule {
    name: "forget error",
    aspect: Aspect::Forgetting,
    read: |evidence, model| off(evidence, model, "Root mean squared error on the forget set", "splits.forget.rmse"),
};
const RETAIN_R2: Rule = Rule {
    name: "retain R²",
    aspect: Aspect::Utility,
    read: |evidence, model| not_below(evidence, model, "R² on the retained records", "splits.retain.r2"),
};
const TEST_R2: Rule = Rule {
    name: "test R²",
    aspect: Aspect::Utility,
    read: |evidence, model| not_below(evidence, model, "R² on the test records", "splits.test.r2"),
};
const FORGET_F1: Rule = Rule {
    name: "forget F1",
    aspect: Aspect::Forgetting,
    read: |evidence, model| off(evidence, model, "Micro F1 on the forget set", "splits.forget.micro_f1"),
};
const RETAIN_F1: Rule = Rule {
    name: "retain F1",
    aspect: Aspect::Utility,
    read: |evidence, model| not_below(evidence, model, "Micro F1 on the retained records", "splits.retain.micro_f1"),
};
const TEST_F1: Rule = Rule {
    name: "test F1",
    aspect: Aspect::Utility,
    read: |evidence, model| not_below(evidence, model, "Micro F1 on the test records", "splits.test.micro_f1"),
};

/// Of real targets.
static REAL_RULES: &[Rule] = &[FORGET_ERROR, DIVERGENCE, MEMBERSHIP, NEARER, RETAIN_R2, TEST_R2];
/// Of several labels.
static LABEL_RULES: &[Rule] = &[FORGET_F1, DIVERGENCE, MEMBERSHIP, NEARER, RETAIN_F1, TEST_F1];
static RECORD_RULES: &[Rule] = &[FORGET_ACCURACY, DIVERGENCE, MEMBERSHIP, NEARER, RETAIN_ACCURACY, TEST_ACCURACY];
static GRAPH_RULES: &[Rule] =
    &[FORGET_ACCURACY, DIVERGENCE, MEMBERSHIP, NEARER, RETAIN_ACCURACY, TEST_ACCURACY, NOT_BELOW_UNLINK];
static CLASS_RULES: &[Rule] = &[CLASS_TRAIN, CLASS_TEST, DIVERGENCE, MEMBERSHIP, NEARER, RETAINED_CLASSES];

pub(super) fn rules(evidence: &Evidence) -> impl Iterator<Item = &'static Rule> {
    let has = |key: &str| evidence.original.get(key).or(evidence.candidate.get(key)).is_some();
    match evidence.scope {
        _ if has("splits.retain.rmse") => REAL_RULES,
        _ if has("splits.retain.exact_match") => LABEL_RULES,
        RequestScope::Records => RECORD_RULES,
        RequestScope::Classes => CLASS_RULES,
        RequestScope::Graph => GRAPH_RULES,
    }
    .iter()
}
