//! The batches of private training, and what the table is refused for.

use unlearn::train::{DpConfig, TrainConfig, poisson_batch};

const RECORDS: usize = 400;
const BATCH: usize = 60;
const STEPS: u64 = 3000;

/// Each bound is four standard errors: one in 16 000 draws of a seed would break it.
const FOUR: f64 = 4.0;

#[test]
fn batches_are_poisson() {
    let ids: Vec<u32> = (0..RECORDS as u32).map(|i| 3 * i + 1).collect();
    let (q, n, t) = (BATCH as f64 / RECORDS as f64, RECORDS as f64, STEPS as f64);
    let draws: Vec<Vec<u32>> = (0..STEPS).map(|step| poisson_batch(&ids, BATCH, 11, step)).collect();
    let sizes: Vec<f64> = draws.iter().map(|d| d.len() as f64).collect();
    let mean = sizes.iter().sum::<f64>() / t;
    let variance = sizes.iter().map(|s| (s - mean).powi(2)).sum::<f64>() / (t - 1.0);
    let want = n * q * (1.0 - q);
    assert!((mean - n * q).abs() < FOUR * (want / t).sqrt(), "mean size {mean}, {} was wanted", n * q);
    // A shuffle gives 0.
    assert!((variance / want - 1.0).abs() < FOUR * (2.0 / t).sqrt(), "variance {variance}, {want} was wanted");
    let mut counts = vec![0.0; 3 * RECORDS + 1];
    let mut together = 0.0;
    for draw in &draws {
        draw.iter().for_each(|id| counts[*id as usize] += 1.0);
        together += draw.windows(2).filter(|w| w[1] == w[0] + 3).count() as f64;
    }
    // Every record alike, and each by itself.
    let z2: f64 = ids.iter().map(|id| (counts[*id as usize] - t * q).powi(2) / (t * q * (1.0 - q))).sum();
    assert!((z2 - n).abs() < FOUR * (2.0 * n).sqrt(), "chi squared {z2} of {n} records");
    let pairs = (n - 1.0) * q * q;
    let error = FOUR * ((n - 1.0) * q * q * (1.0 - q * q) * (1.0 + 2.0 * q) / t).sqrt();
    assert!((together / t - pairs).abs() < error, "{} neighbours a step, {pairs} were wanted", together / t);
}

#[test]
fn a_record_that_is_not_there_changes_no_other_draw() {
    let ids: Vec<u32> = (0..300).collect();
    let without: Vec<u32> = ids.iter().filter(|i| **i != 120).copied().collect();
    for step in 0..50 {
        // One record less raises the rate by a three hundredth; with the rate kept, the draw is the same.
        let (with, mut less) = (poisson_batch(&ids, 100, 5, step), poisson_batch(&ids, 100, 5, step));
        less.retain(|i| *i != 120);
        let other = poisson_batch(&without, 100, 5, step);
        assert!(less.iter().all(|i| other.contains(i)), "step {step}: {with:?} {other:?}");
    }
    assert_eq!(poisson_batch(&ids, 300, 5, 0), ids, "at rate 1 everything is drawn");
    assert_ne!(poisson_batch(&ids, 100, 5, 0), poisson_batch(&ids, 100, 6, 0));
}

#[test]
fn a_table_that_promises_nothing_is_refused() {
    let dp = DpConfig { clip: 1.0, noise_multiplier: 1.0, delta: 1e-5, poisson: true };
    let refused = |dp: DpConfig| TrainConfig { dp: Some(dp), ..Default::default() }.check().unwrap_err().to_string();
    assert!(TrainConfig { dp: Some(dp), ..Default::default() }.check().is_ok());
    for (bad, key) in [
        (DpConfig { clip: 0.0, ..dp }, "train.dp.clip"),
        (DpConfig { noise_multiplier: 0.0, ..dp }, "train.dp.noise_multiplier"),
        (DpConfig { delta: 1.0, ..dp }, "train.dp.delta"),
    ] {
        assert!(refused(bad).contains(key), "{}", refused(bad));
    }
}

#[test]
fn a_shuffled_epoch_is_one_release_of_each_record() {
    let dp = DpConfig { clip: 1.0, noise_multiplier: 2.0, delta: 1e-5, poisson: true };
    let config = TrainConfig { batch_size: 50, dp: Some(dp), ..Default::default() };
    let drawn = dp.spent(&config, 1000, 3, 20);
    assert_eq!((drawn.rate, drawn.steps, drawn.sampling.as_str()), (0.05, 60, "poisson"));
    let shuffled = DpConfig { poisson: false, ..dp }.spent(&config, 1000, 3, 20);
    assert_eq!((shuffled.rate, shuffled.steps, shuffled.sampling.as_str()), (1.0, 3, "shuffled"));
    assert!(shuffled.epsilon > drawn.epsilon);
}
