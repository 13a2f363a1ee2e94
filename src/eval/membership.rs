//! The loss-threshold membership attack: can the forgotten records be told from records never seen?
//!
//! The ideal is the *retrained* model's value, not 0.5 and not the lowest: an attack that succeeds in reverse (AUC far
//! below the retrain's) betrays the forgotten records just as well.

use super::accuracy::losses;
use super::subject::Subject;
use super::values::Metrics;
use super::{Evaluation, Outputs, SplitName};
use crate::error::{Error, Result};

/// The attack's success on one model.
#[derive(Debug, Clone, PartialEq)]
pub struct Membership {
    /// P(loss of a forgotten record < loss of a held-out one) + ½·P(equal).
    pub auc: f64,
    /// Standard error of `auc` (Hanley & McNeil 1982, eq. 2).
    pub se: f64,
    /// Highest true-positive rate with at most 1 % false positives; absent below 100 held-out records, where 1 % is
    /// less than one record.
    pub tpr_at_1_fpr: Option<f64>,
    /// `[false-positive rate, true-positive rate]` from (0,0) to (1,1), one point per distinct loss.
    pub roc: Vec<[f64; 2]>,
}

/// Attacks with the per-sample loss as the score (Yeom et al. 2018): a record with a low loss is called a member.
/// `None` when either side is empty.
///
/// # Errors
/// `CheckFailed` for a loss that is not finite.
pub fn loss_threshold(forget: &[f64], held_out: &[f64]) -> Result<Option<Membership>> {
    if let Some(bad) = forget.iter().chain(held_out).find(|loss| !loss.is_finite()) {
        return Err(Error::CheckFailed(format!(
            "a per-sample loss is {bad}: the membership attack needs finite losses"
        )));
    }
    if forget.is_empty() || held_out.is_empty() {
        return Ok(None);
    }
    let (members, others) = (forget.len() as f64, held_out.len() as f64);
    let roc = roc(forget, held_out);
    // The trapezoid under the ROC of distinct thresholds *is* the tie-corrected Mann–Whitney statistic U / (n₁·n₂).
    let auc: f64 = roc.windows(2).map(|w| (w[1][0] - w[0][0]) * (w[0][1] + w[1][1]) / 2.0).sum();
    let (q1, q2) = (auc / (2.0 - auc), 2.0 * auc * auc / (1.0 + auc));
    let variance = auc * (1.0 - auc) + (members - 1.0) * (q1 - auc * auc) + (others - 1.0) * (q2 - auc * auc);
    let se = (variance.max(0.0) / (members * others)).sqrt();
    let tpr_at_1_fpr = (held_out.len() >= 100).then(|| tpr_at(&roc, 0.01));
    Ok(Some(Membership { auc, se, tpr_at_1_fpr, roc }))
}

/// Highest true-positive rate among thresholds whose false-positive rate is at most `fpr` (no interpolation).
pub fn tpr_at(roc: &[[f64; 2]], fpr: f64) -> f64 {
    roc.iter().filter(|point| point[0] <= fpr + 1e-12).map(|point| point[1]).fold(0.0, f64::max)
}

/// At most `limit` points of a ROC curve, corners kept and the rest even in rank, for storage and drawing.
pub fn thinned(roc: &[[f64; 2]], limit: usize) -> Vec<[f64; 2]> {
    if roc.len() <= limit || limit < 2 {
        return roc.to_vec();
    }
    (0..limit).map(|i| roc[i * (roc.len() - 1) / (limit - 1)]).collect()
}

fn roc(forget: &[f64], held_out: &[f64]) -> Vec<[f64; 2]> {
    let mut scored: Vec<(f64, bool)> =
        forget.iter().map(|&loss| (loss, true)).chain(held_out.iter().map(|&loss| (loss, false))).collect();
    scored.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut members, mut others) = (0usize, 0usize);
    let mut points = vec![[0.0, 0.0]];
    // `==` and not `total_cmp`: −0.0 and 0.0 are one loss.
    for tied in scored.chunk_by(|a, b| a.0 == b.0) {
        members += tied.iter().filter(|(_, member)| *member).count();
        others += tied.iter().filter(|(_, member)| !*member).count();
        points.push([others as f64 / held_out.len() as f64, members as f64 / forget.len() as f64]);
    }
    points
}

/// Attacks the forget split of a model against held-out records; `None` when either has no records.
pub fn attack(forget: &Outputs, held_out: &Outputs) -> Result<Option<Membership>> {
    loss_threshold(&losses(forget)?, &losses(held_out)?)
}

/// Points of a stored ROC at most.
const STORED_POINTS: usize = 200;

/// The ROC of the attack that a verdict reads, thinned for storage: against test records of the forgotten classes where
/// there are any, otherwise against all of them. Empty where there is no attack.
pub fn membership_roc(evaluation: &Evaluation, forgotten_classes: &[u32]) -> Result<Vec<[f64; 2]>> {
    let (Some(forget), Some(test)) = (evaluation.get(SplitName::Forget), evaluation.get(SplitName::Test)) else {
        return Ok(Vec::new());
    };
    let same = test.filtered(|label| forgotten_classes.contains(&label));
    let found = attack(forget, if same.is_empty() { test } else { &same })?;
    Ok(found.map(|found| thinned(&found.roc, STORED_POINTS)).unwrap_or_default())
}

fn put(prefix: &str, membership: Option<Membership>, into: &mut Metrics) -> Result<()> {
    let Some(found) = membership else { return Ok(()) };
    into.put(format!("{prefix}.auc"), Some(found.auc))?;
    into.put(format!("{prefix}.se"), Some(found.se))?;
    into.put(format!("{prefix}.tpr_at_1_fpr"), found.tpr_at_1_fpr)
}

/// Registry entry: `membership.auc`, `.se`, `.tpr_at_1_fpr`, forget against all test records.
pub(super) fn measure_membership(subject: &Subject, into: &mut Metrics) -> Result<()> {
    let (Some(forget), Some(test)) = (subject.now.get(SplitName::Forget), subject.now.get(SplitName::Test)) else {
        return Ok(());
    };
    put("membership", attack(forget, test)?, into)
}

/// Registry entry for class requests: the same against test records of the forgotten classes only; against all of them
/// the attack would find the class, not the records.
pub(super) fn measure_same_class(subject: &Subject, into: &mut Metrics) -> Result<()> {
    let (Some(forget), Some(test)) = (subject.now.get(SplitName::Forget), subject.now.get(SplitName::Test)) else {
        return Ok(());
    };
    if subject.forgotten_classes.is_empty() {
        return Ok(());
    }
    let same = test.filtered(|label| subject.forgotten_classes.contains(&label));
    put("membership_same_class", attack(forget, &same)?, into)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(got: f64, want: f64) {
        assert!((got - want).abs() < 1e-12, "{got} is not {want}");
    }

    #[test]
    fn auc_counts_pairs_with_half_for_ties() {
        // Pairs (forget, test): 1<2, 1<3, 2=2, 2<3, 4>2, 4>3 → (3 + ½) / 6.
        let found = loss_threshold(&[1.0, 2.0, 4.0], &[2.0, 3.0]).unwrap().unwrap();
        close(found.auc, 3.5 / 6.0);
        assert_eq!(found.roc, [[0.0, 0.0], [0.0, 1.0 / 3.0], [0.5, 2.0 / 3.0], [1.0, 2.0 / 3.0], [1.0, 1.0]]);
    }

    #[test]
    fn members_are_the_low_losses() {
        close(loss_threshold(&[0.0, 0.1], &[1.0, 2.0]).unwrap().unwrap().auc, 1.0);
        close(loss_threshold(&[1.0, 2.0], &[0.0, 0.1]).unwrap().unwrap().auc, 0.0);
        close(loss_threshold(&[0.0, -0.0], &[0.0]).unwrap().unwrap().auc, 0.5);
    }

    #[test]
    fn standard_error_is_hanley_and_mcneil() {
        // A = ½, n₁ = 2, n₂ = 3: Q₁ = Q₂ = ⅓; var = (¼ + 1·(⅓−¼) + 2·(⅓−¼)) / 6 = ½ / 6.
        let found = loss_threshold(&[1.0, 1.0], &[1.0, 1.0, 1.0]).unwrap().unwrap();
        close(found.auc, 0.5);
        close(found.se, (0.5f64 / 6.0).sqrt());
        // A ≠ ½ tells Q₁ from Q₂: A = ¾, n₁ = 1, n₂ = 2: var = (3/16 + 0 + 1·(2·9/16/(7/4) − 9/16)) / 2.
        let found = loss_threshold(&[2.0], &[2.0, 3.0]).unwrap().unwrap();
        close(found.auc, 0.75);
        close(found.se, ((3.0 / 16.0 + (18.0 / 28.0 - 9.0 / 16.0)) / 2.0f64).sqrt());
        // The same with n₁ = 2, n₂ = 1 leaves Q₁ = ¾ / (5/4).
        let found = loss_threshold(&[2.0, 3.0], &[3.0]).unwrap().unwrap();
        close(found.se, ((3.0 / 16.0 + (0.6 - 9.0 / 16.0)) / 2.0f64).sqrt());
    }

    #[test]
    fn tpr_at_one_percent_needs_a_hundred_held_out_records() {
        let held_out: Vec<f64> = (0..100).map(f64::from).collect();
        // 0.5 lies above one held-out record (1 % false positives), 1.5 above two.
        let found = loss_threshold(&[-1.0, 0.5, 1.5, 9.0], &held_out).unwrap().unwrap();
        assert_eq!(found.tpr_at_1_fpr, Some(0.5));
        assert_eq!(loss_threshold(&[0.5], &held_out[..99]).unwrap().unwrap().tpr_at_1_fpr, None);
    }

    #[test]
    fn an_empty_side_is_absent_and_nan_is_refused() {
        assert_eq!(loss_threshold(&[], &[1.0]).unwrap(), None);
        assert_eq!(loss_threshold(&[1.0], &[]).unwrap(), None);
        assert!(loss_threshold(&[f64::NAN], &[1.0]).is_err());
        assert!(loss_threshold(&[1.0], &[f64::INFINITY]).is_err());
    }

    #[test]
    fn thinning_keeps_the_corners() {
        let roc: Vec<[f64; 2]> = (0..=1000).map(|i| [f64::from(i) / 1000.0; 2]).collect();
        let thin = thinned(&roc, 101);
        assert_eq!((thin.len(), thin[0], thin[100]), (101, [0.0; 2], [1.0; 2]));
        assert_eq!(thinned(&roc[..5], 101), roc[..5]);
    }
}
