//! How much each member of an ensemble counts, learned from records that are retained (Chen et al., "Graph unlearning",
//! CCS 2022, section 5: LBAggr).

use crate::base::splitmix::SplitMix64;

/// Step of Adam, epochs and batch, as in the source.
const RATE: f64 = 1e-3;
const EPOCHS: usize = 50;
const BATCH: usize = 32;

/// Records that weights are learned from at most, as in the source.
pub const MOST: usize = 1000;

/// Weights of the members, at least 0 and 1 in all, that make CE(softmax(Σ_i α_i p_i), y) + ‖α‖₂ small:
/// `probabilities` of each member, `[records, classes]`, and the records' classes.
pub fn learned(probabilities: &[Vec<f64>], labels: &[u32], classes: usize, seed: u64) -> Vec<f64> {
    let members = probabilities.len();
    let mut alpha = vec![1.0 / members as f64; members];
    let (mut m, mut v, mut t) = (vec![0.0; members], vec![0.0; members], 0);
    let mut order: Vec<usize> = (0..labels.len()).collect();
    let mut rng = SplitMix64::new(seed);
    for _ in 0..EPOCHS {
        rng.shuffle(&mut order);
        for batch in order.chunks(BATCH) {
            let gradient = gradient(probabilities, labels, classes, &alpha, batch);
            t += 1;
            for i in 0..members {
                m[i] = 0.9 * m[i] + 0.1 * gradient[i];
                v[i] = 0.999 * v[i] + 0.001 * gradient[i] * gradient[i];
                let (first, second) = (m[i] / (1.0 - 0.9_f64.powi(t)), v[i] / (1.0 - 0.999_f64.powi(t)));
                alpha[i] -= RATE * first / (second.sqrt() + 1e-8);
            }
        }
    }
    alpha.iter_mut().for_each(|a| *a = a.max(0.0));
    let sum: f64 = alpha.iter().sum();
    match sum > 0.0 {
        true => alpha.iter().map(|a| a / sum).collect(),
        false => vec![1.0 / members as f64; members],
    }
}

/// Of the objective over a batch, by α.
fn gradient(probabilities: &[Vec<f64>], labels: &[u32], classes: usize, alpha: &[f64], batch: &[usize]) -> Vec<f64> {
    let norm = alpha.iter().map(|a| a * a).sum::<f64>().sqrt().max(1e-12);
    let mut gradient: Vec<f64> = alpha.iter().map(|a| a / norm).collect();
    for record in batch {
        let row = |member: &Vec<f64>| member[record * classes..(record + 1) * classes].to_vec();
        let rows: Vec<Vec<f64>> = probabilities.iter().map(row).collect();
        let score = |class: usize| rows.iter().zip(alpha).map(|(row, a)| a * row[class]).sum::<f64>();
        let scores: Vec<f64> = (0..classes).map(score).collect();
        let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let powers: Vec<f64> = scores.iter().map(|score| (score - largest).exp()).collect();
        let sum: f64 = powers.iter().sum();
        for (gradient, row) in gradient.iter_mut().zip(&rows) {
            let expected: f64 = row.iter().zip(&powers).map(|(p, power)| p * power / sum).sum();
            *gradient += (expected - row[labels[*record] as usize]) / batch.len() as f64;
        }
    }
    gradient
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three members on 200 records of 4 classes: one that is right, one that guesses, one that is wrong.
    fn members() -> (Vec<Vec<f64>>, Vec<u32>) {
        let labels: Vec<u32> = (0..200).map(|i| i * 7 % 4).collect();
        let says = |shift: u32| {
            let row = |y: &u32| (0..4).map(|c| if c == (y + shift) % 4 { 0.85 } else { 0.05 }).collect::<Vec<f64>>();
            labels.iter().flat_map(row).collect::<Vec<f64>>()
        };
        (vec![says(0), vec![0.25; 800], says(1)], labels)
    }

    #[test]
    fn a_member_that_is_right_counts_most_and_weights_are_a_distribution() {
        let (members, labels) = members();
        let alpha = learned(&members, &labels, 4, 1);
        assert!((alpha.iter().sum::<f64>() - 1.0).abs() < 1e-12 && alpha.iter().all(|a| *a >= 0.0), "{alpha:?}");
        assert!(alpha[0] > alpha[1] && alpha[1] >= alpha[2], "{alpha:?}");
        assert_eq!(alpha, learned(&members, &labels, 4, 1));
        assert_eq!(learned(&members, &[], 4, 1), vec![1.0 / 3.0; 3]);
    }

    #[test]
    fn the_gradient_is_that_of_the_objective() {
        let (members, labels) = members();
        let (alpha, batch): (Vec<f64>, Vec<usize>) = (vec![0.5, 0.2, 0.3], (0..40).collect());
        let objective = |alpha: &[f64]| {
            let loss = |record: &usize| {
                let score = |c: usize| members.iter().zip(alpha).map(|(m, a)| a * m[record * 4 + c]).sum::<f64>();
                let scores: Vec<f64> = (0..4).map(score).collect();
                scores.iter().map(|s| s.exp()).sum::<f64>().ln() - scores[labels[*record] as usize]
            };
            batch.iter().map(loss).sum::<f64>() / 40.0 + alpha.iter().map(|a| a * a).sum::<f64>().sqrt()
        };
        let found = gradient(&members, &labels, 4, &alpha, &batch);
        for (i, found) in found.iter().enumerate() {
            let moved = |by: f64| (0..3).map(|j| alpha[j] + if j == i { by } else { 0.0 }).collect::<Vec<f64>>();
            let numeric = (objective(&moved(1e-5)) - objective(&moved(-1e-5))) / 2e-5;
            assert!((numeric - found).abs() < 1e-8, "{numeric} {found}");
        }
    }
}
