//! What the rules read: a value of a model, its target, and the limit that the spread of the retrains sets it.

use super::{Measured, Reading};
use crate::eval::spread::{Limit, Spread};
use crate::eval::values::Metrics;
use crate::eval::verdict::{Evidence, RequestScope};

fn absent(key: &str) -> Reading {
    Reading::Absent(format!("`{key}` was not measured"))
}

/// Mean and spread of a key; the spread is at least `finest`, what the quantity can be told apart to.
fn spread(evidence: &Evidence, key: &str, finest: f64) -> Option<Spread> {
    let mean = evidence.reference.mean.get(key)?;
    let sd = evidence.reference.sd.get(key).unwrap_or(0.0).max(finest);
    Some(Spread { mean, sd, runs: evidence.reference.runs })
}

/// One record of a split.
fn one_record(model: &Metrics, count: &str) -> f64 {
    model.get(count).filter(|n| *n > 0.0).map_or(0.001, |n| 1.0 / n)
}

/// Of the difference between a model's value and the mean of the retrains. A single model is what it is; the mean of a
/// method's seeds has an error of its own.
fn standard_error(evidence: &Evidence, key: &str, spread: &Spread) -> f64 {
    let own = evidence.candidate_sd.and_then(|sd| sd.get(key)).unwrap_or(0.0);
    spread.error().hypot(own / (evidence.candidate_runs.max(1) as f64).sqrt())
}

fn stated(limit: Limit, runs: usize) -> String {
    match limit.by_margin {
        true => format!("the margin of utility; the spread of {runs} retrains is less"),
        false => format!("{:.2} × the spread of {runs} retrains, 95 % confidence", limit.multiple),
    }
}

/// |value − retrain| of an accuracy, either way.
pub(super) fn gap(evidence: &Evidence, model: &Metrics, what: &str, split: &str) -> Reading {
    let (key, count) = (format!("{split}.accuracy"), format!("{split}.count"));
    let retrains = spread(evidence, &key, one_record(model, &count));
    let (Some(value), Some(spread)) = (model.get(&key), retrains) else { return absent(&key) };
    let (limit, off) = (spread.either_way(), (value - spread.mean).abs());
    let text = format!(
        "{what} {:.2} %, retrain {:.2} ± {:.2} %, difference {:.2} of at most {:.2} points ({})",
        100.0 * value,
        100.0 * spread.mean,
        100.0 * spread.sd,
        100.0 * off,
        100.0 * limit.within,
        stated(limit, spread.runs)
    );
    beyond((value, spread.mean, off), limit, standard_error(evidence, &key, &spread), text)
}

/// |value − retrain| of a quantity that is no share of records, either way. A thousandth of it is the least spread that
/// is believed.
pub(super) fn off(evidence: &Evidence, model: &Metrics, what: &str, key: &str) -> Reading {
    by(evidence, model, (what, key), (Spread::either_way, f64::abs, "off"))
}

/// The same of a quantity that may be better, which is higher, than a retrain's.
pub(super) fn not_below(evidence: &Evidence, model: &Metrics, what: &str, key: &str) -> Reading {
    by(evidence, model, (what, key), (|spread| spread.one_way().of_utility(), |above| -above, "below"))
}

/// The limit of a distance, which side of it counts, and its word.
type Measure = (fn(&Spread) -> Limit, fn(f64) -> f64, &'static str);

fn by(evidence: &Evidence, model: &Metrics, (what, key): (&str, &str), (limit, counts, word): Measure) -> Reading {
    let finest = evidence.reference.mean.get(key).map_or(0.0, |mean| 1e-3 * mean.abs());
    let (Some(value), Some(spread)) = (model.get(key), spread(evidence, key, finest)) else { return absent(key) };
    let (limit, off) = (limit(&spread), counts(value - spread.mean));
    let text = format!(
        "{what} {value:.4}, retrain {:.4} ± {:.4}, {off:.4} {word} of at most {:.4} ({})",
        spread.mean,
        spread.sd,
        limit.within,
        stated(limit, spread.runs)
    );
    beyond((value, spread.mean, off), limit, standard_error(evidence, key, &spread), text)
}

/// A value that lies `off` its target, against how far a retrain may.
fn beyond((value, target, off): (f64, f64, f64), limit: Limit, se: f64, text: String) -> Reading {
    Reading::Value(Box::new(Measured {
        value,
        target: Some(target),
        limit: limit.within,
        multiple: Some(limit.multiple),
        over: off - limit.within,
        control_over: off - limit.control,
        se,
        text,
    }))
}

pub(super) enum Side {
    NotAbove,
    NotBelow,
}

/// An accuracy that may lie off the retrains' to one side only.
pub(super) fn one_sided(evidence: &Evidence, model: &Metrics, what: &str, keys: (&str, &str), side: Side) -> Reading {
    let (key, count) = keys;
    let retrains = spread(evidence, key, one_record(model, count));
    let (Some(value), Some(spread)) = (model.get(key), retrains) else { return absent(key) };
    let limit = match side {
        Side::NotAbove => spread.one_way(),
        Side::NotBelow => spread.one_way().of_utility(),
    };
    let (off, word, bound) = match side {
        Side::NotAbove => (value - spread.mean, "at most", spread.mean + limit.within),
        Side::NotBelow => (spread.mean - value, "at least", spread.mean - limit.within),
    };
    let text = format!(
        "{what} {:.2} %, retrain {:.2} ± {:.2} %, {word} {:.2} % ({})",
        100.0 * value,
        100.0 * spread.mean,
        100.0 * spread.sd,
        100.0 * bound,
        stated(limit, spread.runs)
    );
    beyond((value, spread.mean, off), limit, standard_error(evidence, key, &spread), text)
}

/// Against the weights as they were on the reduced graph: no further below them than a retrain scatters.
pub(super) fn not_below_unlink(evidence: &Evidence, model: &Metrics) -> Reading {
    let key = "splits.test.accuracy";
    let target = evidence.unlink.and_then(|unlink| unlink.get(key));
    let retrains = spread(evidence, key, one_record(model, "splits.test.count"));
    let (Some(value), Some(target), Some(spread)) = (model.get(key), target, retrains) else {
        return absent("unlink's splits.test.accuracy");
    };
    let limit = spread.one_way().of_utility();
    let text = format!(
        "Test accuracy {:.2} %, unlink {:.2} %, a loss of at most {:.2} points allowed ({})",
        100.0 * value,
        100.0 * target,
        100.0 * limit.within,
        stated(limit, spread.runs)
    );
    beyond((value, target, target - value), limit, standard_error(evidence, key, &spread), text)
}

/// What tells two models' answers apart: the divergence of their probabilities or, of real targets, the distance of
/// their predictions.
fn apart(evidence: &Evidence) -> (&'static str, &'static str) {
    match evidence.original.get("distance.forget") {
        Some(_) => ("distance", "Distance of predictions"),
        None => ("js", "Divergence"),
    }
}

/// The retrains' divergence from each other on the forget set. A tenth of it is the least spread that is believed: two
/// retrains have one divergence between them, and no spread at all.
fn js_spread(evidence: &Evidence, measure: &str) -> Option<Spread> {
    let noise = evidence.reference.mean.get(&format!("{measure}.noise_floor_forget"))?;
    let sd = evidence.reference.sd.get(&format!("{measure}.forget")).unwrap_or(0.0).max(0.1 * noise);
    Some(Spread { mean: noise, sd, runs: evidence.reference.runs })
}

/// Jensen–Shannon divergence to the retrains on the forget set: as far as a further retrain lies, and only where doing
/// nothing lies at least twice as far off as the retrains from each other.
pub(super) fn divergence(evidence: &Evidence, model: &Metrics) -> Reading {
    let (measure, what) = apart(evidence);
    let key = format!("{measure}.forget");
    let Some(value) = model.get(&key) else { return absent(&key) };
    let Some(original) = evidence.original.get(&key) else { return absent(&format!("the original's {key}")) };
    let Some(spread) = js_spread(evidence, measure) else { return absent(&format!("{measure}.noise_floor_forget")) };
    let noise = spread.mean;
    if original < 2.0 * noise {
        return Reading::NonDiscriminating(format!(
            "doing nothing lies {original:.4} from the retrains and the retrains {noise:.4} from each other; less than \
             twice as far shows nothing"
        ));
    }
    let limit = spread.one_way();
    let bound = (noise + limit.within).min(original);
    let text = format!(
        "{what} {value:.4} on the forget set, at most {bound:.4} (noise floor {noise:.4}, original {original:.4}; \
            {})",
        stated(limit, spread.runs)
    );
    Reading::Value(Box::new(Measured {
        value,
        target: Some(noise),
        limit: bound,
        multiple: Some(limit.multiple),
        over: value - bound,
        control_over: value - (noise + limit.control).min(original),
        se: standard_error(evidence, &key, &spread),
        text,
    }))
}

/// Whatever else holds: a model that is farther from the retrains than doing nothing was moved the wrong way.
pub(super) fn nearer(evidence: &Evidence, model: &Metrics) -> Reading {
    let (measure, what) = apart(evidence);
    let key = format!("{measure}.forget");
    let Some(value) = model.get(&key) else { return absent(&key) };
    let Some(original) = evidence.original.get(&key) else { return absent(&format!("the original's {key}")) };
    let Some(spread) = js_spread(evidence, measure) else { return absent(&format!("{measure}.noise_floor_forget")) };
    let text = format!(
        "{what} to the retrains {value:.4} on the forget set, doing nothing {original:.4}, which it may not pass"
    );
    Reading::Value(Box::new(Measured {
        value,
        target: None,
        limit: original,
        multiple: None,
        over: value - original,
        control_over: value - original,
        se: standard_error(evidence, &key, &spread),
        text,
    }))
}

/// AUC of the attack against the retrains', two-sided: 0.37 betrays as much as 0.63. Class requests use held-out
/// records of the same class where there are any.
pub(super) fn membership(evidence: &Evidence, model: &Metrics) -> Reading {
    let attack = match evidence.scope {
        RequestScope::Classes if evidence.reference.mean.get("membership_same_class.auc").is_some() => {
            "membership_same_class"
        }
        _ => "membership",
    };
    let key = format!("{attack}.auc");
    let retrains = spread(evidence, &key, 0.5 * one_record(model, "splits.forget.count"));
    let (Some(value), Some(spread)) = (model.get(&key), retrains) else { return absent(&key) };
    let (limit, off) = (spread.either_way(), (value - spread.mean).abs());
    // The AUC of so many records has an error of its own.
    let se = model.get(&format!("{attack}.se")).unwrap_or(0.0).max(standard_error(evidence, &key, &spread));
    let text = format!(
        "Membership AUC {value:.3} (standard error {se:.3}), retrain {:.3} ± {:.3}, difference {off:.3} of at most \
            {:.3} either way ({})",
        spread.mean,
        spread.sd,
        limit.within,
        stated(limit, spread.runs)
    );
    beyond((value, spread.mean, off), limit, se, text)
}
