//! How far the predictions of two models lie from each other on the same records.

use super::accuracy::{argmax, log_sum_exp};
use super::goals::{self, Sort};
use super::subject::Subject;
use super::values::Metrics;
use super::{Evaluation, Outputs, SplitName};
use crate::error::{Error, Result};

/// Splits on which a model is compared with the retrained references.
pub(super) const COMPARED: [SplitName; 2] = [SplitName::Forget, SplitName::Test];

/// A distance between two sets of outputs; `None` for no records.
pub type Distance = fn(&Outputs, &Outputs) -> Result<Option<f64>>;

/// Mean over records of the Jensen–Shannon divergence of the two softmax outputs, natural logarithm, in [0, ln 2]:
/// JS = ½·KL(p‖m) + ½·KL(q‖m) with m = (p+q)/2. Symmetric. (Lin 1991; Chundawat et al. 2023, eq. 6, in the argument
/// order of the definition.)
pub fn jensen_shannon(a: &Outputs, b: &Outputs) -> Result<Option<f64>> {
    mean_over_pairs(a, b, |p, q| {
        let half_kl = |log_p: &[f64], log_q: &[f64]| -> f64 {
            log_p
                .iter()
                .zip(log_q)
                // ln(p/m) = ln 2 − ln(1 + q/p), exact zero where p = q. Below p = e⁻⁶⁹⁰ the term is under 1e-297 and
                // q/p would overflow.
                .map(|(&lp, &lq)| if lp < -690.0 { 0.0 } else { lp.exp() * (2f64.ln() - (lq - lp).exp().ln_1p()) })
                .sum::<f64>()
                / 2.0
        };
        (half_kl(p, q) + half_kl(q, p)).max(0.0)
    })
}

/// Mean over records of KL(`from`‖`to`) of the softmax outputs, natural logarithm. For a method, `from` is the
/// retrained reference: what is lost by believing the method's output.
pub fn kullback_leibler(from: &Outputs, to: &Outputs) -> Result<Option<f64>> {
    mean_over_pairs(from, to, |p, q| p.iter().zip(q).map(|(lp, lq)| lp.exp() * (lp - lq)).sum::<f64>().max(0.0))
}

/// Mean over records of the L1 distance of the softmax outputs, in [0, 2] (Golatkar et al. 2020; others use L2).
pub fn activation_distance(a: &Outputs, b: &Outputs) -> Result<Option<f64>> {
    mean_over_pairs(a, b, |p, q| p.iter().zip(q).map(|(lp, lq)| (lp.exp() - lq.exp()).abs()).sum())
}

/// Fraction of records on which the two predicted classes differ (1 − completeness, 1 − fidelity).
pub fn disagreement(a: &Outputs, b: &Outputs) -> Result<Option<f64>> {
    let n = same_records(a, b)?;
    let answers = |row: &[f32]| match &a.goals {
        None => vec![argmax(row)],
        Some(_) => row.iter().map(|logit| usize::from(*logit > 0.0)).collect(),
    };
    let differ = a.rows().zip(b.rows()).filter(|((p, _), (q, _))| answers(p) != answers(q)).count();
    Ok((n > 0 && !is_real(a)).then(|| differ as f64 / n as f64))
}

/// Mean pairwise Jensen–Shannon divergence between retrains that differ only by their seed: what a perfect method
/// cannot be expected to beat. `None` for fewer than two.
pub fn noise_floor(retrains: &[&Outputs]) -> Result<Option<f64>> {
    let mut values = Vec::new();
    for (i, a) in retrains.iter().enumerate() {
        for b in &retrains[i + 1..] {
            values.extend(jensen_shannon(a, b)?);
        }
    }
    Ok(mean(&values))
}

/// `distance(reference, method)` averaged over the references; `None` without references or records.
pub fn to_references(distance: Distance, method: &Outputs, references: &[&Outputs]) -> Result<Option<f64>> {
    let mut values = Vec::new();
    for reference in references {
        values.extend(distance(reference, method)?);
    }
    Ok(mean(&values))
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

pub(super) fn same_records(a: &Outputs, b: &Outputs) -> Result<usize> {
    a.check()?;
    b.check()?;
    if a.classes != b.classes || a.labels != b.labels || !goals::same(&a.goals, &b.goals, a.classes) {
        return Err(Error::input(format!(
            "the two models were not read on the same records: {} records of {} classes against {} of {}{}; \
             use runs with the same data, split and request",
            a.len(),
            a.classes,
            b.len(),
            b.classes,
            if a.len() == b.len() && a.classes == b.classes { ", with other labels" } else { "" }
        )));
    }
    Ok(a.len())
}

fn log_softmax(logits: &[f32], into: &mut Vec<f64>) {
    let norm = log_sum_exp(logits);
    into.clear();
    into.extend(logits.iter().map(|&z| z as f64 - norm));
}

/// Numbers are no probabilities: what compares those is absent.
fn is_real(outputs: &Outputs) -> bool {
    outputs.goals.as_ref().is_some_and(|goals| goals.sort != Sort::Labels)
}

/// The mean over records; of several labels, each of which is a distribution of its own, over those too.
fn mean_over_pairs(a: &Outputs, b: &Outputs, of: impl Fn(&[f64], &[f64]) -> f64) -> Result<Option<f64>> {
    let n = same_records(a, b)?;
    if n == 0 || is_real(a) {
        return Ok(None);
    }
    let (mut p, mut q, mut sum) = (Vec::new(), Vec::new(), 0.0);
    let mut add = |za: &[f32], zb: &[f32]| {
        log_softmax(za, &mut p);
        log_softmax(zb, &mut q);
        sum += of(&p, &q);
    };
    if a.goals.is_some() {
        a.logits.iter().zip(&b.logits).for_each(|(za, zb)| add(&[0.0, *za], &[0.0, *zb]));
        return Ok(Some(sum / a.logits.len() as f64));
    }
    a.rows().zip(b.rows()).for_each(|((za, _), (zb, _))| add(za, zb));
    Ok(Some(sum / n as f64))
}

/// The references' outputs on a split; empty unless every one of them was read on it.
pub(super) fn on_split<'a>(references: &[&'a Evaluation], split: SplitName) -> Vec<&'a Outputs> {
    references.iter().map(|evaluation| evaluation.get(split)).collect::<Option<Vec<_>>>().unwrap_or_default()
}

pub(super) fn measure_distance(name: &str, distance: Distance, subject: &Subject, into: &mut Metrics) -> Result<()> {
    for split in COMPARED {
        if let Some(now) = subject.now.get(split) {
            let value = to_references(distance, now, &on_split(subject.references, split))?;
            into.put(format!("{name}.{split}"), value)?;
        }
    }
    Ok(())
}

/// Registry entry: `js.forget`, `js.test`.
pub(super) fn measure_js(subject: &Subject, into: &mut Metrics) -> Result<()> {
    measure_distance("js", jensen_shannon, subject, into)
}

/// Registry entry: `js.noise_floor_forget`, `js.noise_floor_test`.
pub(super) fn measure_noise_floor(subject: &Subject, into: &mut Metrics) -> Result<()> {
    for split in COMPARED {
        into.put(format!("js.noise_floor_{split}"), noise_floor(&on_split(subject.references, split))?)?;
    }
    Ok(())
}

/// Registry entry: `kl.forget`, `kl.test`.
pub(super) fn measure_kl(subject: &Subject, into: &mut Metrics) -> Result<()> {
    measure_distance("kl", kullback_leibler, subject, into)
}

/// Registry entry: `activation_l1.forget`, `activation_l1.test`.
pub(super) fn measure_activation(subject: &Subject, into: &mut Metrics) -> Result<()> {
    measure_distance("activation_l1", activation_distance, subject, into)
}

/// Registry entry: `disagreement.forget`, `disagreement.test`.
pub(super) fn measure_disagreement(subject: &Subject, into: &mut Metrics) -> Result<()> {
    measure_distance("disagreement", disagreement, subject, into)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One record of two classes with probabilities (p, 1 − p).
    fn with_p(p: f32) -> Outputs {
        Outputs { logits: vec![p.ln(), (1.0 - p).ln()], labels: vec![0], classes: 2, goals: None }
    }

    fn close(got: Option<f64>, want: f64) {
        assert!((got.unwrap() - want).abs() < 1e-6, "{got:?} is not {want}");
    }

    #[test]
    fn jensen_shannon_matches_the_hand_worked_value_and_is_symmetric() {
        // p = (½, ½), q = (¾, ¼), m = (⅝, ⅜).
        let (half, three) = (with_p(0.5), with_p(0.75));
        let kl_p = 0.5 * (0.5f64 / 0.625).ln() + 0.5 * (0.5f64 / 0.375).ln();
        let kl_q = 0.75 * (0.75f64 / 0.625).ln() + 0.25 * (0.25f64 / 0.375).ln();
        close(jensen_shannon(&half, &three).unwrap(), (kl_p + kl_q) / 2.0);
        close(jensen_shannon(&three, &half).unwrap(), (kl_p + kl_q) / 2.0);
        assert_eq!(jensen_shannon(&three, &three).unwrap(), Some(0.0));
    }

    #[test]
    fn jensen_shannon_reaches_ln_2_and_stays_finite_where_probabilities_underflow() {
        let a = Outputs { logits: vec![1e6, -1e6], labels: vec![0], classes: 2, goals: None };
        let b = Outputs { logits: vec![-1e6, 1e6], labels: vec![0], classes: 2, goals: None };
        close(jensen_shannon(&a, &b).unwrap(), 2f64.ln());
        // p is a denormal number here, and q/p beyond f64.
        let b = Outputs { logits: vec![-720.0, 0.0], labels: vec![0], classes: 2, goals: None };
        close(jensen_shannon(&a, &b).unwrap(), 2f64.ln());
    }

    #[test]
    fn kl_activation_and_disagreement_are_hand_worked() {
        let (half, three, low) = (with_p(0.5), with_p(0.75), with_p(0.25));
        close(kullback_leibler(&half, &three).unwrap(), 0.5 * (0.5f64 / 0.75).ln() + 0.5 * 2f64.ln());
        close(kullback_leibler(&three, &half).unwrap(), 0.75 * 1.5f64.ln() + 0.25 * 0.5f64.ln());
        close(activation_distance(&half, &three).unwrap(), 0.5);
        assert_eq!(disagreement(&three, &low).unwrap(), Some(1.0));
        assert_eq!(disagreement(&half, &three).unwrap(), Some(0.0));
    }

    #[test]
    fn noise_floor_is_the_mean_over_pairs_and_absent_below_two() {
        let (a, b, c) = (with_p(0.5), with_p(0.75), with_p(0.9));
        let pair = |x, y| jensen_shannon(x, y).unwrap().unwrap();
        let want = (pair(&a, &b) + pair(&a, &c) + pair(&b, &c)) / 3.0;
        close(noise_floor(&[&a, &b, &c]).unwrap(), want);
        assert_eq!(noise_floor(&[&a]).unwrap(), None);
        close(to_references(jensen_shannon, &a, &[&b, &c]).unwrap(), (pair(&a, &b) + pair(&a, &c)) / 2.0);
        assert_eq!(to_references(jensen_shannon, &a, &[]).unwrap(), None);
    }

    #[test]
    fn other_records_nan_and_no_records_are_told_apart() {
        let a = with_p(0.5);
        let relabelled = Outputs { labels: vec![1], ..a.clone() };
        let message = jensen_shannon(&a, &relabelled).unwrap_err().to_string();
        assert!(message.contains("same records") && message.contains("other labels"), "{message}");
        let nan = Outputs { logits: vec![f32::NAN, 0.0], ..a.clone() };
        for distance in [jensen_shannon as Distance, kullback_leibler, activation_distance, disagreement] {
            assert!(distance(&a, &nan).is_err() && distance(&nan, &a).is_err());
            let none = Outputs { classes: 2, ..Outputs::default() };
            assert_eq!(distance(&none, &none).unwrap(), None);
        }
    }
}
