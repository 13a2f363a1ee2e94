//! Where a forgotten class went: a network that never had it gives its records to the classes that they resemble, and
//! one that merely no longer says its name need not.

use super::roster::Said;
use crate::error::Result;
use crate::eval::attacks::{Probe, Side};
use crate::eval::{Aspect, Outputs};

/// Mean probability of each retained class over the records of the forgotten ones, the forgotten classes left out.
fn spread(outputs: &Outputs, gone: &[u32]) -> Vec<f64> {
    let stays: Vec<usize> = (0..outputs.classes).filter(|class| !gone.contains(&(*class as u32))).collect();
    let mut mean = vec![0.0; stays.len()];
    for (logits, _) in outputs.rows() {
        let highest = stays.iter().map(|class| logits[*class]).fold(f32::NEG_INFINITY, f32::max);
        let weights: Vec<f64> = stays.iter().map(|class| f64::from(logits[*class] - highest).exp()).collect();
        let all: f64 = weights.iter().sum::<f64>() * outputs.len() as f64;
        mean.iter_mut().zip(weights).for_each(|(mean, weight)| *mean += weight / all);
    }
    mean
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).sum()
}

fn mean(all: &[Vec<f64>]) -> Vec<f64> {
    let classes = all.first().map_or(0, Vec::len);
    (0..classes).map(|class| all.iter().map(|one| one[class]).sum::<f64>() / all.len() as f64).collect()
}

/// The check: how far each model's spread lies from the retrains' mean, L1; a retrain's from the others'.
///
/// # Errors
/// Outputs that are not finite.
pub(super) fn probe(
    gone: &[u32],
    run: &Said,
    original: &Said,
    retrains: &[Said],
    held_out: &[&Said],
) -> Result<Option<Probe>> {
    let of = |said: &Said| spread(&said.forget, gone);
    let each: Vec<Vec<f64>> = retrains.iter().map(of).collect();
    // With two classes there is one left to give the records to.
    if gone.is_empty() || each.len() < 3 || each[0].len() < 2 {
        return Ok(None);
    }
    let centre = mean(&each);
    let others = |k: usize| {
        let rest: Vec<Vec<f64>> = (0..each.len()).filter(|at| *at != k).map(|at| each[at].clone()).collect();
        distance(&each[k], &mean(&rest))
    };
    let against = |said: &Said| distance(&of(said), &centre);
    Ok(Some(Probe {
        name: "neighbouring classes",
        what: "Distance of the forgotten classes' share among the others",
        aspect: Aspect::Forgetting,
        side: Side::Above,
        run: against(run),
        original: Some(against(original)),
        retrains: (0..each.len()).map(others).collect(),
        held_out: held_out.iter().map(|said| against(said)).collect(),
        finest: 1e-3,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forgotten_class_is_shared_out_among_the_others() {
        let said = |logits: &[f32]| {
            let outputs =
                Outputs { logits: logits.to_vec(), labels: vec![0; logits.len() / 3], classes: 3, goals: None };
            Said { forget: outputs, ..Said::default() }
        };
        // The forgotten class is 0: what its own logit is does not count.
        let even = spread(&said(&[9.0, 1.0, 1.0, -9.0, 2.0, 2.0]).forget, &[0]);
        assert!(distance(&even, &[0.5, 0.5]) < 1e-12, "{even:?}");
        let retrains: Vec<Said> = (0..4).map(|i| said(&[0.0, 1.0 + 0.01 * i as f32, 1.0])).collect();
        let other = said(&[0.0, 9.0, 1.0]);
        let found = probe(&[0], &other, &other, &retrains, &[&retrains[0]]).unwrap().unwrap();
        assert!(found.run > 0.9 && found.retrains.iter().all(|off| *off < 0.02), "{found:?}");
        assert_eq!(probe(&[], &other, &other, &retrains, &[]).unwrap(), None);
    }
}
