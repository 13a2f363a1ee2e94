//! Accuracy and cross-entropy from logits, per split and per class.

use super::subject::Subject;
use super::values::Metrics;
use super::{Outputs, SplitName, goals};
use crate::error::Result;

/// The predicted class: the largest logit, ties to the lowest index.
pub fn argmax(logits: &[f32]) -> usize {
    let mut best = 0;
    for (class, &z) in logits.iter().enumerate() {
        if z > logits[best] {
            best = class;
        }
    }
    best
}

/// `ln Σ exp(z)` in f64, shifted by the largest logit so that it neither overflows nor loses the small terms.
pub fn log_sum_exp(logits: &[f32]) -> f64 {
    let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max) as f64;
    max + logits.iter().map(|&z| (z as f64 - max).exp()).sum::<f64>().ln()
}

/// The probabilities of one record's classes.
pub fn softmax(logits: &[f32]) -> Vec<f64> {
    let whole = log_sum_exp(logits);
    logits.iter().map(|z| (f64::from(*z) - whole).exp()).collect()
}

/// Cross-entropy of each record, `[n]`, natural logarithm; of records with targets their loss.
pub fn losses(outputs: &Outputs) -> Result<Vec<f64>> {
    outputs.check()?;
    match &outputs.goals {
        Some(goals) => Ok(goals::losses(&outputs.logits, goals, outputs.classes)),
        None => Ok(outputs.rows().map(|(z, y)| log_sum_exp(z) - z[y as usize] as f64).collect()),
    }
}

/// Mean loss; `None` for no records.
pub fn mean_loss(outputs: &Outputs) -> Result<Option<f64>> {
    let losses = losses(outputs)?;
    Ok((!losses.is_empty()).then(|| losses.iter().sum::<f64>() / losses.len() as f64))
}

/// Fraction of records whose [`argmax`] is the label; of texts the mean over them of the share of tokens that are told
/// right. `None` for no records, and for records with other targets.
pub fn accuracy(outputs: &Outputs) -> Result<Option<f64>> {
    outputs.check()?;
    if let Some(shares) = outputs.goals.as_ref().and_then(|goals| goals.memorised(outputs.classes)) {
        return Ok((!shares.is_empty()).then(|| shares.iter().sum::<f64>() / shares.len() as f64));
    }
    let right = outputs.rows().filter(|&(z, y)| argmax(z) == y as usize).count();
    Ok((!outputs.is_empty() && outputs.goals.is_none()).then(|| right as f64 / outputs.len() as f64))
}

/// Accuracy of each class, `[classes]`; `None` for a class without records.
pub fn per_class(outputs: &Outputs) -> Result<Vec<Option<f64>>> {
    outputs.check()?;
    if outputs.goals.is_some() {
        return Ok(Vec::new());
    }
    let mut tally = vec![(0usize, 0usize); outputs.classes];
    for (z, y) in outputs.rows() {
        let (right, all) = &mut tally[y as usize];
        *right += usize::from(argmax(z) == y as usize);
        *all += 1;
    }
    Ok(tally.into_iter().map(|(right, all)| (all > 0).then(|| right as f64 / all as f64)).collect())
}

/// Registry entry: `splits.*.accuracy`, `splits.*.loss`, `splits.*.count`.
pub(super) fn measure_splits(subject: &Subject, into: &mut Metrics) -> Result<()> {
    for (split, outputs) in subject.now.iter() {
        into.put(format!("splits.{split}.accuracy"), accuracy(outputs)?)?;
        into.put(format!("splits.{split}.loss"), mean_loss(outputs)?)?;
        into.put(format!("splits.{split}.count"), Some(outputs.len() as f64))?;
    }
    Ok(())
}

/// Registry entry: `splits.*.per_class.N`.
pub(super) fn measure_per_class(subject: &Subject, into: &mut Metrics) -> Result<()> {
    for (split, outputs) in subject.now.iter() {
        for (class, value) in per_class(outputs)?.into_iter().enumerate() {
            into.put(format!("splits.{split}.per_class.{class}"), value)?;
        }
    }
    Ok(())
}

/// Registry entry for class requests: test accuracy split into the forgotten classes and the retained ones.
pub(super) fn measure_class_request(subject: &Subject, into: &mut Metrics) -> Result<()> {
    let Some(test) = subject.now.get(SplitName::Test) else { return Ok(()) };
    if subject.forgotten_classes.is_empty() {
        return Ok(());
    }
    let forgotten = |label: u32| subject.forgotten_classes.contains(&label);
    into.put("class_request.forgotten_test_accuracy", accuracy(&test.filtered(forgotten))?)?;
    into.put("class_request.retained_test_accuracy", accuracy(&test.filtered(|label| !forgotten(label)))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Four records of three classes: right, wrong, tie won by the lowest index (right), tie lost to it (wrong).
    fn outputs() -> Outputs {
        Outputs {
            logits: vec![2.0, 1.0, 0.0, 0.0, 3.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0, 0.0],
            labels: vec![0, 2, 0, 1],
            classes: 3,
            goals: None,
        }
    }

    #[test]
    fn ties_go_to_the_lowest_index() {
        assert_eq!(argmax(&[1.0, 1.0, 0.0]), 0);
        assert_eq!(argmax(&[0.0, 1.0, 1.0]), 1);
        assert_eq!(accuracy(&outputs()).unwrap(), Some(0.5));
    }

    #[test]
    fn per_class_accuracy_is_absent_for_a_class_without_records() {
        assert_eq!(per_class(&outputs()).unwrap(), [Some(1.0), Some(0.0), Some(0.0)]);
        let kept = outputs().filtered(|label| label != 1);
        assert_eq!(per_class(&kept).unwrap(), [Some(1.0), None, Some(0.0)]);
    }

    #[test]
    fn loss_is_the_hand_worked_cross_entropy() {
        // Two equal logits: ln 2. Logits (ln 3, 0), label 1: −ln ¼ = ln 4.
        let outputs = Outputs { logits: vec![5.0, 5.0, 3f32.ln(), 0.0], labels: vec![0, 1], classes: 2, goals: None };
        let losses = losses(&outputs).unwrap();
        assert!((losses[0] - 2f64.ln()).abs() < 1e-12 && (losses[1] - 4f64.ln()).abs() < 1e-6, "{losses:?}");
        assert!((mean_loss(&outputs).unwrap().unwrap() - (2f64.ln() + 4f64.ln()) / 2.0).abs() < 1e-6);
    }

    #[test]
    fn large_logits_neither_overflow_nor_vanish() {
        let outputs = Outputs { logits: vec![1e30, -1e30, 1000.0, 990.0], labels: vec![1, 0], classes: 2, goals: None };
        let losses = losses(&outputs).unwrap();
        assert!((losses[0] / 2e30 - 1.0).abs() < 1e-6);
        assert!((losses[1] - (-10f64).exp().ln_1p()).abs() < 1e-12);
    }

    #[test]
    fn no_records_is_absent_and_nan_is_refused() {
        let none = Outputs { classes: 2, ..Outputs::default() };
        assert_eq!((accuracy(&none).unwrap(), mean_loss(&none).unwrap()), (None, None));
        let nan = Outputs { logits: vec![f32::NAN, 0.0], labels: vec![1], classes: 2, goals: None };
        assert!(accuracy(&nan).is_err() && mean_loss(&nan).is_err() && per_class(&nan).is_err());
    }
}
