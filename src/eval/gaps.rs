//! Summary gaps to the retrained reference. Only meaningful beside the retrain's own standard deviation.

use super::accuracy::accuracy;
use super::membership::attack;
use super::subject::Subject;
use super::values::Metrics;
use super::{Evaluation, SplitName};
use crate::error::Result;

/// The four quantities that the gap summaries compare, as fractions; absent where they cannot be computed.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Quantities {
    /// Share of the forgotten records that are classified as labelled.
    pub forget_accuracy: Option<f64>,
    /// Share of the retained training records that are classified as labelled.
    pub retain_accuracy: Option<f64>,
    /// For class requests the test accuracy on the retained classes.
    pub test_accuracy: Option<f64>,
    /// Area under the ROC of the membership attack: 0.5 is a guess.
    pub membership_auc: Option<f64>,
}

/// Average gap: the mean of |UA−UA_r|, |RA−RA_r|, |TA−TA_r| and |MIA−MIA_r| (Fan et al. 2024, SalUn). Fractions, not
/// percentage points; UA = 1 − forget accuracy; MIA is the AUC of the loss-threshold attack, not the efficacy of an
/// SVM. `None` unless all four are present.
pub fn average_gap(now: Quantities, reference: Quantities) -> Option<f64> {
    let terms = [
        gap(now.forget_accuracy, reference.forget_accuracy)?,
        gap(now.retain_accuracy, reference.retain_accuracy)?,
        gap(now.test_accuracy, reference.test_accuracy)?,
        gap(now.membership_auc, reference.membership_auc)?,
    ];
    Some(terms.iter().sum::<f64>() / 4.0)
}

/// Tug-of-war: Π (1 − |acc − acc_r|) over forget, retain and test; 1 is best (Zhao et al. 2024, RUM).
pub fn tug_of_war(now: Quantities, reference: Quantities) -> Option<f64> {
    let terms = [
        gap(now.forget_accuracy, reference.forget_accuracy)?,
        gap(now.retain_accuracy, reference.retain_accuracy)?,
        gap(now.test_accuracy, reference.test_accuracy)?,
    ];
    Some(terms.iter().map(|gap| 1.0 - gap).product())
}

fn gap(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    Some((a? - b?).abs())
}

fn quantities(evaluation: &Evaluation, forgotten_classes: &[u32]) -> Result<Quantities> {
    let on = |split| evaluation.get(split).map_or(Ok(None), accuracy);
    let test = evaluation.get(SplitName::Test);
    let membership = match (evaluation.get(SplitName::Forget), test) {
        (Some(forget), Some(test)) => attack(forget, test)?,
        _ => None,
    };
    Ok(Quantities {
        forget_accuracy: on(SplitName::Forget)?,
        retain_accuracy: on(SplitName::Retain)?,
        test_accuracy: match test {
            Some(test) => accuracy(&test.filtered(|label| !forgotten_classes.contains(&label)))?,
            None => None,
        },
        membership_auc: membership.map(|found| found.auc),
    })
}

/// The mean of each quantity over the references; absent where any of them lacks it.
fn reference_quantities(subject: &Subject) -> Result<Quantities> {
    let mut all = Vec::new();
    for reference in subject.references {
        all.push(quantities(reference, subject.forgotten_classes)?);
    }
    let mean = |of: fn(&Quantities) -> Option<f64>| -> Option<f64> {
        let values = all.iter().map(of).collect::<Option<Vec<f64>>>()?;
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    };
    Ok(Quantities {
        forget_accuracy: mean(|q| q.forget_accuracy),
        retain_accuracy: mean(|q| q.retain_accuracy),
        test_accuracy: mean(|q| q.test_accuracy),
        membership_auc: mean(|q| q.membership_auc),
    })
}

/// Registry entry: the single gaps, `gaps.average` and `gaps.tug_of_war`.
pub(super) fn measure_gaps(subject: &Subject, into: &mut Metrics) -> Result<()> {
    let reference = reference_quantities(subject)?;
    let now = quantities(subject.now, subject.forgotten_classes)?;
    into.put("gaps.forget_accuracy", gap(now.forget_accuracy, reference.forget_accuracy))?;
    into.put("gaps.retain_accuracy", gap(now.retain_accuracy, reference.retain_accuracy))?;
    into.put("gaps.test_accuracy", gap(now.test_accuracy, reference.test_accuracy))?;
    into.put("gaps.membership_auc", gap(now.membership_auc, reference.membership_auc))?;
    into.put("gaps.average", average_gap(now, reference))?;
    into.put("gaps.tug_of_war", tug_of_war(now, reference))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(forget: f64, retain: f64, test: f64, auc: Option<f64>) -> Quantities {
        Quantities {
            forget_accuracy: Some(forget),
            retain_accuracy: Some(retain),
            test_accuracy: Some(test),
            membership_auc: auc,
        }
    }

    #[test]
    fn average_gap_and_tug_of_war_are_hand_worked() {
        let (now, retrain) = (of(1.0, 0.9, 0.8, Some(0.6)), of(0.9, 1.0, 0.9, Some(0.5)));
        assert!((average_gap(now, retrain).unwrap() - 0.1).abs() < 1e-12);
        assert!((tug_of_war(now, retrain).unwrap() - 0.729).abs() < 1e-12);
        assert_eq!((average_gap(now, now), tug_of_war(now, now)), (Some(0.0), Some(1.0)));
    }

    #[test]
    fn class_requests_compare_the_test_accuracy_of_the_retained_classes() {
        use crate::eval::Outputs;
        // Class 0 is right, class 1 wrong.
        let mut evaluation = Evaluation::new();
        let test = Outputs { logits: vec![1.0, 0.0, 1.0, 0.0], labels: vec![0, 1], classes: 2, goals: None };
        evaluation.insert(SplitName::Test, test).unwrap();
        let accuracy = |forgotten: &[u32]| quantities(&evaluation, forgotten).unwrap().test_accuracy;
        assert_eq!(
            [accuracy(&[]), accuracy(&[1]), accuracy(&[0]), accuracy(&[0, 1])],
            [Some(0.5), Some(1.0), Some(0.0), None]
        );
    }

    #[test]
    fn a_missing_term_makes_the_summary_absent_not_smaller() {
        let (now, retrain) = (of(1.0, 0.9, 0.8, None), of(0.9, 1.0, 0.9, Some(0.5)));
        assert_eq!(average_gap(now, retrain), None);
        assert!(tug_of_war(now, retrain).is_some());
        assert_eq!(tug_of_war(Quantities { test_accuracy: None, ..now }, retrain), None);
    }
}
