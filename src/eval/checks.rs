//! The checks of a verdict, one rule each. A rule reads one model's metrics against the references; what it means is
//! decided by `super::verdict`, which reads the same rule on the controls.

use super::values::Metrics;
use super::verdict::{Aspect, Evidence, RequestScope};

/// What a rule saw in one model.
pub(super) enum Reading {
    /// A value it needs is absent; says which.
    Absent(String),
    /// The setting cannot tell forgetting from noise; says why.
    NonDiscriminating(String),
    Value {
        value: f64,
        target: Option<f64>,
        limit: f64,
        ok: bool,
        text: String,
    },
}

pub(super) struct Rule {
    pub name: &'static str,
    pub aspect: Aspect,
    pub read: fn(&Evidence, &Metrics) -> Reading,
}

const FORGET_ACCURACY: Rule = Rule {
    name: "forget accuracy",
    aspect: Aspect::Forgetting,
    read: |evidence, model| gap(evidence, model, "Forget accuracy", "splits.forget.accuracy", 0.025),
};
const RETAIN_ACCURACY: Rule = Rule {
    name: "retain accuracy",
    aspect: Aspect::Utility,
    read: |evidence, model| gap(evidence, model, "Retain accuracy", "splits.retain.accuracy", 0.01),
};
const TEST_ACCURACY: Rule = Rule {
    name: "test accuracy",
    aspect: Aspect::Utility,
    read: |evidence, model| gap(evidence, model, "Test accuracy", "splits.test.accuracy", 0.01),
};
const DIVERGENCE: Rule = Rule { name: "divergence to the retrain", aspect: Aspect::Forgetting, read: divergence };
const MEMBERSHIP: Rule = Rule { name: "membership attack", aspect: Aspect::Forgetting, read: membership };
const CLASS_TRAIN: Rule = Rule {
    name: "forgotten class, training records",
    aspect: Aspect::Forgetting,
    read: |_, model| at_most(model, "Accuracy on the forgotten training records", "splits.forget.accuracy", 0.01),
};
const CLASS_TEST: Rule = Rule {
    name: "forgotten class, test records",
    aspect: Aspect::Forgetting,
    read: |_, model| {
        let key = "class_request.forgotten_test_accuracy";
        at_most(model, "Accuracy on the forgotten classes' test records", key, 0.01)
    },
};
const RETAINED_CLASSES: Rule =
    Rule { name: "retained classes, test records", aspect: Aspect::Utility, read: retained_classes };

/// Deletions on graphs scatter more from seed to seed than other records do.
const GRAPH_TEST_ACCURACY: Rule = Rule {
    name: "test accuracy",
    aspect: Aspect::Utility,
    read: |evidence, model| gap(evidence, model, "Test accuracy", "splits.test.accuracy", 0.015),
};
const NOT_BELOW_UNLINK: Rule = Rule { name: "not below unlink", aspect: Aspect::Utility, read: not_below_unlink };

static RECORD_RULES: &[Rule] = &[FORGET_ACCURACY, DIVERGENCE, MEMBERSHIP, RETAIN_ACCURACY, TEST_ACCURACY];
static GRAPH_RULES: &[Rule] =
    &[FORGET_ACCURACY, DIVERGENCE, MEMBERSHIP, RETAIN_ACCURACY, GRAPH_TEST_ACCURACY, NOT_BELOW_UNLINK];
static CLASS_RULES: &[Rule] = &[CLASS_TRAIN, CLASS_TEST, DIVERGENCE, MEMBERSHIP, RETAINED_CLASSES];

pub(super) fn rules(scope: RequestScope) -> impl Iterator<Item = &'static Rule> {
    match scope {
        RequestScope::Records => RECORD_RULES,
        RequestScope::Classes => CLASS_RULES,
        RequestScope::Graph => GRAPH_RULES,
    }
    .iter()
}

fn absent(key: &str) -> Reading {
    Reading::Absent(format!("`{key}` was not measured"))
}

/// |value − retrain| ≤ max(`points`, 2 standard deviations of the retrains), on a fraction.
fn gap(evidence: &Evidence, model: &Metrics, what: &str, key: &str, points: f64) -> Reading {
    let (Some(value), Some(target)) = (model.get(key), evidence.reference.mean.get(key)) else { return absent(key) };
    let sd = evidence.reference.sd.get(key).unwrap_or(0.0);
    let limit = points.max(2.0 * sd);
    let text = format!(
        "{what} {:.2} %, retrain {:.2} ± {:.2} %, difference {:.2} of at most {:.2} points",
        100.0 * value,
        100.0 * target,
        100.0 * sd,
        100.0 * (value - target).abs(),
        100.0 * limit
    );
    Reading::Value { value, target: Some(target), limit, ok: within(value, target, limit), text }
}

fn at_most(model: &Metrics, what: &str, key: &str, limit: f64) -> Reading {
    let Some(value) = model.get(key) else { return absent(key) };
    let text = format!("{what} {:.2} %, at most {:.2} %", 100.0 * value, 100.0 * limit);
    Reading::Value { value, target: None, limit, ok: value <= limit, text }
}

/// One-sided: the retained classes may gain, and lose at most one point.
fn retained_classes(evidence: &Evidence, model: &Metrics) -> Reading {
    let key = "class_request.retained_test_accuracy";
    let (Some(value), Some(target)) = (model.get(key), evidence.reference.mean.get(key)) else { return absent(key) };
    let limit = 0.01;
    let text = format!(
        "Test accuracy on the retained classes {:.2} %, retrain {:.2} %, a loss of at most {:.2} points allowed",
        100.0 * value,
        100.0 * target,
        100.0 * limit
    );
    Reading::Value { value, target: Some(target), limit, ok: value >= target - limit - SLACK, text }
}

/// One-sided: at most one standard deviation of the retrains' test accuracy below the weights as they were on the
/// reduced graph.
fn not_below_unlink(evidence: &Evidence, model: &Metrics) -> Reading {
    let key = "splits.test.accuracy";
    let target = evidence.unlink.and_then(|unlink| unlink.get(key));
    let (Some(value), Some(target)) = (model.get(key), target) else { return absent("unlink's splits.test.accuracy") };
    let limit = evidence.reference.sd.get(key).unwrap_or(0.0);
    let text = format!(
        "Test accuracy {:.2} %, unlink {:.2} %, a loss of at most {:.2} points allowed",
        100.0 * value,
        100.0 * target,
        100.0 * limit
    );
    Reading::Value { value, target: Some(target), limit, ok: value >= target - limit - SLACK, text }
}

/// Jensen–Shannon divergence to the retrains on the forget set: half way between the noise floor and doing nothing,
/// and only where doing nothing lies at least twice as far off as another retrain does.
fn divergence(evidence: &Evidence, model: &Metrics) -> Reading {
    let Some(value) = model.get("js.forget") else { return absent("js.forget") };
    let Some(original) = evidence.original.get("js.forget") else { return absent("js.forget of the original") };
    let Some(noise) = evidence.reference.mean.get("js.noise_floor_forget") else {
        return absent("js.noise_floor_forget");
    };
    if original < 2.0 * noise {
        return Reading::NonDiscriminating(format!(
            "doing nothing lies {original:.4} from the retrains and the retrains {noise:.4} from each other; less than \
             twice as far shows nothing"
        ));
    }
    let limit = (0.5 * (original + noise)).min(original);
    let text = format!(
        "Divergence {value:.4} on the forget set, at most {limit:.4} (original {original:.4}, noise floor {noise:.4})"
    );
    Reading::Value { value, target: Some(noise), limit, ok: value <= limit, text }
}

/// |AUC − retrain's AUC| ≤ 0.03, two-sided: 0.37 betrays as much as 0.63. Class requests use held-out records of the
/// same class where there are any.
fn membership(evidence: &Evidence, model: &Metrics) -> Reading {
    let same_class = "membership_same_class.auc";
    let key = match evidence.scope {
        RequestScope::Classes if evidence.reference.mean.get(same_class).is_some() => same_class,
        _ => "membership.auc",
    };
    let (Some(value), Some(target)) = (model.get(key), evidence.reference.mean.get(key)) else { return absent(key) };
    let limit = 0.03;
    let text = format!(
        "Membership AUC {value:.3}, retrain {target:.3}, difference {:.3} of at most {limit:.3} either way",
        (value - target).abs()
    );
    Reading::Value { value, target: Some(target), limit, ok: within(value, target, limit), text }
}

/// A value that lies on the limit is inside it, whatever the last bit of the subtraction says.
const SLACK: f64 = 1e-12;

fn within(value: f64, target: f64, limit: f64) -> bool {
    (value - target).abs() <= limit + SLACK
}
