//! How sure a model is of a record's label: the score that histograms show, since it spreads where probabilities crowd
//! at 0 and 1.

use super::Outputs;
use super::accuracy::log_sum_exp;

/// ln p / (1 − p) of the label's probability p for each record, `[n]` (Carlini et al. 2022, eq. 3); `None` where
/// records have targets in place of a class, or there is one class.
pub fn log_odds(outputs: &Outputs) -> Option<Vec<f64>> {
    if outputs.goals.is_some() || outputs.classes < 2 {
        return None;
    }
    // From logits: p itself is 1 to the last bit long before its odds end.
    let odds = |(logits, label): (&[f32], u32)| {
        let label = label as usize;
        let others = [&logits[..label], &logits[label + 1..]].concat();
        f64::from(logits[label]) - log_sum_exp(&others)
    };
    Some(outputs.rows().map(odds).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odds_are_those_of_the_label_against_all_others() {
        let ln3 = 3f32.ln();
        // p = (3/5, 1/5, 1/5): odds 3 : 2, and 1 : 4.
        let outputs = Outputs { logits: [[ln3, 0.0, 0.0]; 2].concat(), labels: vec![0, 1], classes: 3, goals: None };
        let odds = log_odds(&outputs).unwrap();
        assert!((odds[0] - 1.5f64.ln()).abs() < 1e-6 && (odds[1] - 0.25f64.ln()).abs() < 1e-6, "{odds:?}");
        // Where p is 1 to the last bit.
        let sure = Outputs { logits: vec![500.0, 0.0], labels: vec![0], classes: 2, goals: None };
        assert_eq!(log_odds(&sure).unwrap(), [500.0]);
        assert!(log_odds(&Outputs { classes: 1, logits: vec![1.0], labels: vec![0], goals: None }).is_none());
    }
}
