//! What a model says of a record in one number that is nearly normal over trainings.

use crate::error::Result;
use crate::eval::Outputs;
use crate::eval::accuracy::{log_sum_exp, losses};

/// The logit-scaled confidence of each record (Carlini et al. 2022, eq. 4): φ = ln p_y − ln Σ_{y'≠y} p_{y'}, from the
/// logits and not from probabilities that have rounded to 1. Of records with targets in place of a class it is the
/// negative loss.
///
/// # Errors
/// Outputs whose shapes do not agree, or that are not finite.
pub fn confidences(outputs: &Outputs) -> Result<Vec<f64>> {
    if outputs.goals.is_some() || outputs.classes < 2 {
        return Ok(losses(outputs)?.into_iter().map(|loss| -loss).collect());
    }
    outputs.check()?;
    let one = |(logits, label): (&[f32], u32)| {
        let label = label as usize;
        let others: Vec<f32> = (0..logits.len()).filter(|class| *class != label).map(|class| logits[class]).collect();
        f64::from(logits[label]) - log_sum_exp(&others)
    };
    Ok(outputs.rows().map(one).collect())
}

/// The probability that a model gives each record's own class; of records with targets e to the negative loss.
///
/// # Errors
/// As [`confidences`].
pub fn probabilities(outputs: &Outputs) -> Result<Vec<f64>> {
    Ok(losses(outputs)?.into_iter().map(|loss| (-loss).exp()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_confidence_is_the_log_of_the_odds_and_does_not_saturate() {
        let logits = vec![2.0, 0.0, 1.0, 80.0, -80.0, 0.0];
        let outputs = Outputs { logits, labels: vec![0, 0], classes: 3, goals: None };
        let found = confidences(&outputs).unwrap();
        let p = 2f64.exp() / (2f64.exp() + 1.0 + 1f64.exp());
        assert!((found[0] - (p / (1.0 - p)).ln()).abs() < 1e-12, "{found:?}");
        assert!((found[1] - 80.0).abs() < 1e-9 && (probabilities(&outputs).unwrap()[0] - p).abs() < 1e-12);
        let two = Outputs { logits: vec![3.0, 1.0], labels: vec![1], classes: 2, goals: None };
        assert_eq!(confidences(&two).unwrap(), [-2.0]);
    }
}
