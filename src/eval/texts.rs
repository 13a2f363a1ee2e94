//! Scores of texts.

use super::Outputs;
use super::goals::Sort;
use super::subject::Subject;
use super::values::Metrics;
use crate::error::Result;

/// exp of the mean over all tokens of their negative log-likelihood, long texts counting for more than short ones;
/// `None` where there are none, or records are no texts.
pub fn perplexity(outputs: &Outputs) -> Option<f64> {
    let goals = outputs.goals.as_ref().filter(|goals| matches!(goals.sort, Sort::Tokens { .. }))?;
    let there = outputs.logits.iter().zip(&goals.values).filter(|(_, t)| goals.is_there(**t));
    let (sum, count) = there.fold((0.0, 0.0), |(sum, count), (z, _)| (sum - f64::from(*z), count + 1.0));
    (count > 0.0).then(|| (sum / count).exp())
}

/// Registry entry: `splits.*.perplexity`. One that passes all numbers is absent: a model that is as far off has no use.
pub(super) fn measure_perplexity(subject: &Subject, into: &mut Metrics) -> Result<()> {
    for (split, outputs) in subject.now.iter() {
        into.put(format!("splits.{split}.perplexity"), perplexity(outputs).filter(|value| value.is_finite()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::accuracy::{accuracy, losses};
    use crate::eval::targets::{distance, worth};
    use crate::eval::{Chance, Goals};

    /// Two texts, of two tokens and of one.
    fn outputs(logs: [f32; 4], right: [f32; 4]) -> Outputs {
        let goals = Goals { sort: Sort::Tokens { common: 0.25 }, values: right.to_vec() };
        Outputs { logits: logs.to_vec(), labels: vec![0, 0], classes: 2, goals: Some(goals) }
    }

    #[test]
    fn texts_are_scored_token_by_token() {
        let [half, eighth] = [0.5f32.ln(), 0.125f32.ln()];
        let said = outputs([half, eighth, half, 0.0], [1.0, 0.0, 1.0, -1.0]);
        let by_hand = [(2f64.ln() + 8f64.ln()) / 2.0, 2f64.ln()];
        assert!(losses(&said).unwrap().iter().zip(by_hand).all(|(a, b)| (a - b).abs() < 1e-6));
        assert!((perplexity(&said).unwrap() - 32f64.powf(1.0 / 3.0)).abs() < 1e-5);
        // The share of right tokens of each text: 1/2 and 1.
        assert_eq!((accuracy(&said).unwrap(), worth(&said).unwrap()), (Some(0.75), Some(0.75)));
        let other = outputs([half, half, half, 0.0], [0.0, 1.0, 1.0, -1.0]);
        let apart = distance(&said, &other).unwrap().unwrap();
        assert!((apart - (4f64.ln().powi(2) / 3.0).sqrt()).abs() < 1e-6, "{apart}");
        let longer = outputs([half, half, half, half], [0.0, 1.0, 1.0, 0.0]);
        assert!(distance(&said, &longer).is_err());
        assert_eq!(Chance::of_outputs(&said).map(|chance| chance.share), Some(0.25));
        let plain = Outputs { logits: vec![0.0; 4], labels: vec![0, 0], classes: 2, goals: None };
        assert_eq!(perplexity(&plain), None);
    }
}
