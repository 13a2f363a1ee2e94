//! How close a model is to retrains, in the retrains' own distance from each other.

use super::divergence::{Distance, jensen_shannon, on_split, to_references};
use super::goals::Sort;
use super::targets::distance;
use super::{Evaluation, Outputs, SplitName};
use crate::error::Result;

/// Mean distance of a model's outputs from those of retrains, divided by the mean distance of the retrains from each
/// other: about 1 for a further retrain. Jensen–Shannon divergence, or the distance of predictions where records have
/// numbers to predict. `None` with fewer than two retrains, without records, or where the retrains agree to the bit.
///
/// # Errors
/// Models that were read on other records; outputs that are not finite.
pub fn closeness(now: &Evaluation, retrains: &[&Evaluation], split: SplitName) -> Result<Option<f64>> {
    let (Some(now), all) = (now.get(split), on_split(retrains, split)) else { return Ok(None) };
    let real = now.goals.as_ref().is_some_and(|goals| goals.sort != Sort::Labels);
    let between: Distance = if real { distance } else { jensen_shannon };
    let floor = apart(between, &all)?.filter(|floor| *floor > 0.0);
    Ok(to_references(between, now, &all)?.zip(floor).map(|(off, floor)| off / floor))
}

/// Mean over the pairs of some models.
fn apart(between: Distance, all: &[&Outputs]) -> Result<Option<f64>> {
    let mut pairs = Vec::new();
    for (i, a) in all.iter().enumerate() {
        pairs.extend(to_references(between, a, &all[i + 1..])?.map(|mean| (mean, (all.len() - i - 1) as f64)));
    }
    let count: f64 = pairs.iter().map(|(_, n)| n).sum();
    Ok((count > 0.0).then(|| pairs.iter().map(|(mean, n)| mean * n).sum::<f64>() / count))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::divergence::noise_floor;

    fn with_p(p: f32) -> Outputs {
        Outputs { logits: vec![p.ln(), (1.0 - p).ln()], labels: vec![0], classes: 2, goals: None }
    }

    fn said(p: f32) -> Evaluation {
        let mut all = Evaluation::new();
        all.insert(SplitName::Forget, with_p(p)).unwrap();
        all
    }

    #[test]
    fn a_further_retrain_lies_as_far_as_retrains_do() {
        let (a, b, c) = (said(0.5), said(0.75), said(0.9));
        let all = [&a, &b, &c];
        let floor = noise_floor(&all.map(|e| e.get(SplitName::Forget).unwrap())).unwrap().unwrap();
        let far = said(0.01);
        let to = |p: f32, q: f32| jensen_shannon(&with_p(p), &with_p(q)).unwrap().unwrap();
        let want = (to(0.01, 0.5) + to(0.01, 0.75) + to(0.01, 0.9)) / 3.0 / floor;
        let got = closeness(&far, &all, SplitName::Forget).unwrap().unwrap();
        assert!((got - want).abs() < 1e-9 && got > 5.0, "{got} is not {want}");
        assert!(closeness(&said(0.7), &all, SplitName::Forget).unwrap().unwrap() < 1.0);
    }

    #[test]
    fn it_is_absent_where_nothing_says_how_far_retrains_lie_apart() {
        let (a, b) = (said(0.5), said(0.5));
        assert_eq!(closeness(&a, &[&a], SplitName::Forget).unwrap(), None);
        assert_eq!(closeness(&a, &[&a, &b], SplitName::Forget).unwrap(), None);
        assert_eq!(closeness(&a, &[&a, &said(0.7)], SplitName::Validation).unwrap(), None);
    }
}
