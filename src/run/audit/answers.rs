//! Where records stay and only edges or features of them go: does the run answer for the nodes that these influenced as
//! a network answers that never had them?

use super::roster::Said;
use crate::eval::accuracy::softmax;
use crate::eval::attacks::{Probe, Side};
use crate::eval::{Aspect, Outputs};

/// Probabilities [records, classes] of each record.
fn probabilities(outputs: &Outputs) -> Vec<f64> {
    outputs.rows().flat_map(|(logits, _)| softmax(logits)).collect()
}

/// The mean total variation between two models' answers.
fn distance(a: &[f64], b: &[f64], records: usize) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).sum::<f64>() / (2 * records.max(1)) as f64
}

/// The check: how far each model's answers lie from the retrains' mean; a retrain's from the others'.
pub(super) fn probe(run: &Said, original: &Said, retrains: &[Said], held_out: &[&Said]) -> Option<Probe> {
    let each: Vec<Vec<f64>> = retrains.iter().map(|said| probabilities(&said.forget)).collect();
    let n = each.len() as f64;
    if each.len() < 3 {
        return None;
    }
    let records = run.forget.len();
    let sum: Vec<f64> = (0..each[0].len()).map(|i| each.iter().map(|one| one[i]).sum()).collect();
    let centre: Vec<f64> = sum.iter().map(|v| v / n).collect();
    let others = |one: &Vec<f64>| {
        let rest: Vec<f64> = sum.iter().zip(one).map(|(sum, own)| (sum - own) / (n - 1.0)).collect();
        distance(one, &rest, records)
    };
    let against = |said: &Said| distance(&probabilities(&said.forget), &centre, records);
    Some(Probe {
        name: "answers of influenced nodes",
        what: "Mean total variation from the retrains' answers",
        aspect: Aspect::Forgetting,
        side: Side::Above,
        run: against(run),
        original: Some(against(original)),
        retrains: each.iter().map(others).collect(),
        held_out: held_out.iter().map(|said| against(said)).collect(),
        finest: 1e-3,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_like_those_of_retrains_are_near_and_others_are_not() {
        let said = |logits: [f32; 4]| Said {
            forget: Outputs { logits: logits.to_vec(), labels: vec![0, 1], classes: 2, goals: None },
            ..Said::default()
        };
        let retrains: Vec<Said> = (0..5).map(|i| said([0.01 * i as f32, 0.0, 1.0, 2.0])).collect();
        let (near, far) = (said([0.0, 0.0, 1.0, 2.0]), said([9.0, 0.0, 9.0, 0.0]));
        let found = probe(&near, &far, &retrains, &[&retrains[0]]).expect("enough retrains");
        assert!(found.run < 0.01 && found.original > Some(0.5) && found.retrains.len() == 5, "{found:?}");
        assert_eq!(probe(&near, &far, &retrains[..2], &[]), None);
    }
}
