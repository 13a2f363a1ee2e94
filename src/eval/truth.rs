//! Whether a language model still prefers the answers that it was trained on (TOFU: Maini et al., COLM 2024).

use super::kolmogorov::ks_p;
use super::subject::Subject;
use super::values::Metrics;
use super::{Evaluation, SplitName};
use crate::error::Result;

/// Truth ratio of a question: the mean of the wrong answers' probabilities over that of the right one, each the
/// geometric mean over its tokens (section 2.2.2). `right` and each of `wrong` are log-probabilities of tokens; none
/// without any.
pub fn truth_ratio(right: &[f32], wrong: &[&[f32]]) -> Option<f64> {
    let mean = |logs: &[f32]| logs.iter().map(|log| f64::from(*log)).sum::<f64>() / logs.len() as f64;
    let there = !right.is_empty() && !wrong.is_empty() && wrong.iter().all(|logs| !logs.is_empty());
    let ratio = |logs: &&[f32]| (mean(logs) - mean(right)).exp();
    there.then(|| wrong.iter().map(ratio).sum::<f64>() / wrong.len() as f64)
}

/// The ratios of a split's questions.
fn ratios(of: &Evaluation, split: SplitName) -> Option<&Vec<f64>> {
    let all = of.memory().map_or(&[][..], |memory| &memory.truths);
    all.iter().find(|(name, ratios)| *name == split.as_str() && !ratios.is_empty()).map(|(_, ratios)| ratios)
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    (count > 0.0).then(|| sum / count)
}

/// Registry entry: `truth.*`.
pub(super) fn measure_truth(subject: &Subject, into: &mut Metrics) -> Result<()> {
    for split in [SplitName::Retain, SplitName::Forget, SplitName::Test] {
        let Some(ratios) = ratios(subject.now, split) else { continue };
        let name = split.as_str();
        into.put(format!("truth.{name}.ratio"), mean(ratios.iter().copied()))?;
        into.put(format!("truth.{name}.known"), mean(ratios.iter().map(|ratio| (1.0 - ratio).max(0.0))))?;
    }
    Ok(())
}

/// Registry entry: `truth.forget.quality`.
pub(super) fn measure_quality(subject: &Subject, into: &mut Metrics) -> Result<()> {
    let Some(now) = ratios(subject.now, SplitName::Forget) else { return Ok(()) };
    let others = subject.references.iter().filter_map(|other| ratios(other, SplitName::Forget));
    into.put("truth.forget.quality", mean(others.filter_map(|other| ks_p(now, other))))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::eval::Memory;

    /// By hand: the right answer's mean is ln(1/2), the wrong ones' ln(1/4) and ln(1/8).
    #[test]
    fn a_ratio_is_of_geometric_means() {
        let [half, quarter, eighth, sixteenth] = [0.5f32, 0.25, 0.125, 0.0625].map(f32::ln);
        let found = truth_ratio(&[half, half], &[&[quarter], &[quarter, sixteenth]]).unwrap();
        assert!((found - (0.5 + 0.25) / 2.0).abs() < 1e-6, "{found}");
        assert_eq!((truth_ratio(&[], &[&[eighth]]), truth_ratio(&[half], &[])), (None, None));
    }

    #[test]
    fn quality_is_one_where_the_ratios_are_those_of_a_retrain() {
        let of = |ratios: Vec<f64>| {
            let mut all = Evaluation::new();
            all.set_memory(Memory { truths: vec![("forget", ratios)], ..Memory::default() });
            all
        };
        let (now, same, other) = (of(vec![0.5, 1.5]), of(vec![1.5, 0.5]), of(vec![2.0, 3.0]));
        let measured = |references: &[&Evaluation]| {
            let mut into = Metrics::default();
            let subject = Subject { now: &now, references, forgotten_classes: &[] };
            measure_truth(&subject, &mut into).unwrap();
            measure_quality(&subject, &mut into).unwrap();
            into
        };
        assert_eq!(measured(&[&same]).get("truth.forget.quality"), Some(1.0));
        let found = measured(&[&other, &same]);
        assert!((found.get("truth.forget.quality").unwrap() - (1.0 + 1.0 / 3.0) / 2.0).abs() < 1e-12);
        assert_eq!((found.get("truth.forget.ratio"), found.get("truth.forget.known")), (Some(1.0), Some(0.25)));
        assert_eq!(measured(&[]).get("truth.forget.quality"), None);
    }

    /// Drawn answers, and what NumPy and SciPy make of them: tools/parity/truth.py.
    #[test]
    fn measures_are_those_of_another_implementation() {
        let file: Value = serde_json::from_str(include_str!("../../assets/parity/truth.json")).unwrap();
        let numbers = |value: &Value| -> Vec<f64> {
            value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
        };
        let logs = |value: &Value| numbers(value).into_iter().map(|log| log as f32).collect::<Vec<f32>>();
        for case in file["ratios"].as_array().unwrap() {
            let wrong: Vec<Vec<f32>> = case["wrong"].as_array().unwrap().iter().map(logs).collect();
            let wrong: Vec<&[f32]> = wrong.iter().map(Vec::as_slice).collect();
            let (found, want) = (truth_ratio(&logs(&case["right"]), &wrong).unwrap(), case["ratio"].as_f64().unwrap());
            assert!((found - want).abs() < 1e-6 * want.max(1.0), "{found} is not {want}");
        }
        for case in file["tests"].as_array().unwrap() {
            let found = ks_p(&numbers(&case["a"]), &numbers(&case["b"])).unwrap();
            let want = case["p"].as_f64().unwrap();
            assert!((found - want).abs() < 1e-6 * want.max(1e-6), "{found} is not {want}");
        }
    }
}
