//! How well scores tell records that may be members from records that no model had.

use serde::{Deserialize, Serialize};

use super::bounds::clopper_pearson;
use crate::error::Result;
use crate::eval::membership::{loss_threshold, tpr_at};

/// An attack's success on one model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Success {
    /// Area under the ROC: 0.5 is a guess.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0, "maximum" = 1)))]
    pub auc: f64,
    /// Standard error of `auc` over records (Hanley & McNeil 1982).
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "1")))]
    pub se: f64,
    /// True-positive rates at low false-positive rates; none where that rate is less than one held-out record.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub rates: Vec<Rates>,
    /// Lower bound, at 95 % confidence, on the ε that any (ε, 10⁻⁵) private way to these weights could promise.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "1")))]
    pub epsilon_at_least: f64,
    /// `[false-positive rate, true-positive rate]`, points spread over a logarithmic axis.
    pub roc: Vec<[f64; 2]>,
}

/// Rates at one threshold.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Rates {
    /// The most false positives that are allowed, as a rate.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0, "maximum" = 1)))]
    pub fpr: f64,
    /// True positives there.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0, "maximum" = 1)))]
    pub tpr: f64,
    /// Clopper and Pearson's bounds on it at 95 %.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "1")))]
    pub bounds: [f64; 2],
}

/// False-positive rates of the table.
const FPRS: [f64; 2] = [0.01, 0.001];
/// Those whose thresholds bound ε; on each side, so that the confidence is shared among twice as many.
const OF_EPSILON: [f64; 3] = [0.1, 0.01, 0.001];
const CONFIDENCE: f64 = 0.95;
const DELTA: f64 = 1e-5;
/// Points of a ROC at most.
const POINTS: usize = 120;

impl Success {
    /// Of scores, larger for members; a record without a score is left out. `None` where a side has none.
    ///
    /// # Errors
    /// A score that is infinite.
    pub fn of(members: &[f64], others: &[f64]) -> Result<Option<Success>> {
        let scored = |all: &[f64]| all.iter().filter(|s| !s.is_nan()).map(|s| -s).collect::<Vec<f64>>();
        let (members, others) = (scored(members), scored(others));
        let Some(found) = loss_threshold(&members, &others)? else { return Ok(None) };
        let rates = FPRS.into_iter().filter(|fpr| others.len() as f64 * fpr >= 1.0).map(|fpr| {
            let tpr = tpr_at(&found.roc, fpr);
            let hits = (tpr * members.len() as f64).round() as usize;
            Rates { fpr, tpr, bounds: clopper_pearson(hits, members.len(), CONFIDENCE) }
        });
        Ok(Some(Success {
            auc: found.auc,
            se: found.se,
            rates: rates.collect(),
            epsilon_at_least: epsilon(&found.roc, members.len(), others.len()),
            roc: logarithmic(&found.roc),
        }))
    }
}

/// TPR ≤ e^ε FPR + δ and 1 − FPR ≤ e^ε (1 − TPR) + δ hold for every threshold (Kairouz et al. 2015): the largest ε that
/// exact bounds of both rates show at thresholds that were chosen beforehand.
fn epsilon(roc: &[[f64; 2]], members: usize, others: usize) -> f64 {
    let confidence = 1.0 - (1.0 - CONFIDENCE) / (2 * OF_EPSILON.len()) as f64;
    let count = |rate: f64, all: usize| (rate * all as f64).round() as usize;
    let shown = |[hit, miss]: [f64; 2]| if miss > 0.0 { ((hit - DELTA) / miss).max(1.0).ln() } else { 0.0 };
    let bounds = |rate: f64, all: usize| clopper_pearson(count(rate, all), all, confidence);
    let mut most = 0.0f64;
    for fpr in OF_EPSILON {
        let low = bounds(tpr_at(roc, fpr), members)[0];
        most = most.max(shown([low, bounds(fpr, others)[1]]));
        // The other corner: where at most so many members are taken for others.
        let kept = roc.iter().filter(|p| 1.0 - p[1] <= fpr + 1e-12).map(|p| 1.0 - p[0]).fold(0.0, f64::max);
        most = most.max(shown([bounds(kept, others)[0], bounds(fpr, members)[1]]));
    }
    most
}

/// Points of a ROC that lie evenly on a logarithmic axis of false positives, its corners kept.
fn logarithmic(roc: &[[f64; 2]]) -> Vec<[f64; 2]> {
    if roc.len() <= POINTS {
        return roc.to_vec();
    }
    let least = roc.iter().map(|p| p[0]).find(|fpr| *fpr > 0.0).unwrap_or(1.0);
    let mut kept = vec![roc[0]];
    for i in 0..POINTS - 2 {
        let fpr = least.powf(1.0 - i as f64 / (POINTS - 3) as f64);
        let at = roc.partition_point(|p| p[0] <= fpr * (1.0 + 1e-12)).saturating_sub(1);
        if kept.last() != Some(&roc[at]) {
            kept.push(roc[at]);
        }
    }
    if kept.last() != roc.last() {
        kept.extend(roc.last());
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_larger_for_members_and_rates_have_exact_bounds() {
        let others: Vec<f64> = (0..100).map(f64::from).collect();
        let found = Success::of(&[200.0, 98.5, 3.5, f64::NAN], &others).unwrap().unwrap();
        assert!((found.auc - (100.0 + 99.0 + 4.0) / 300.0).abs() < 1e-12, "{found:?}");
        assert_eq!((found.rates.len(), found.rates[0].tpr), (1, 2.0 / 3.0));
        assert_eq!(found.rates[0].bounds, clopper_pearson(2, 3, 0.95));
        assert_eq!(Success::of(&[f64::NAN], &others).unwrap(), None);
    }

    #[test]
    fn epsilon_is_none_for_a_guess_and_grows_with_what_is_seen() {
        let even: Vec<f64> = (0..400).map(f64::from).collect();
        let of = |shift: f64| {
            let members: Vec<f64> = even.iter().map(|v| v + shift).collect();
            Success::of(&members, &even).unwrap().unwrap().epsilon_at_least
        };
        let [guess, some, all] = [0.0, 200.0, 500.0].map(of);
        assert!(guess == 0.0 && some > 0.5 && all > some, "{guess} {some} {all}");
        // All 400 above the 1 % threshold: each bound alone is at 1 − 0.05 / 6.
        let [hit, miss] =
            [clopper_pearson(400, 400, 1.0 - 0.05 / 6.0)[0], clopper_pearson(0, 400, 1.0 - 0.05 / 6.0)[1]];
        assert!(all <= (hit / miss).ln() && all > 3.0, "{all}");
    }

    #[test]
    fn a_long_curve_is_thinned_on_a_logarithmic_axis() {
        let roc: Vec<[f64; 2]> = (0..=10_000).map(|i| [f64::from(i) / 10_000.0; 2]).collect();
        let thin = logarithmic(&roc);
        assert!(thin.len() <= POINTS && thin[0] == [0.0; 2] && thin.last() == Some(&[1.0; 2]));
        assert!(thin.iter().filter(|p| p[0] < 0.01).count() > 20, "{thin:?}");
    }
}
