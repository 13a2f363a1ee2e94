//! Forgetting quality of the NeurIPS 2023 unlearning challenge (Triantafillou et al. 2024, "Are we making progress in
//! unlearning?"): how well the best threshold tells, record by record, models that forgot from models that never knew.
//! Grids, buckets and cases are those of the published script (google-deepmind/unlearning_evaluation).

use serde::{Deserialize, Serialize};

/// The score of a method.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct ForgettingQuality {
    /// Mean over the forgotten records of 2^−bucket: 1 where no attack sees an ε of ½.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0, "maximum" = 1)))]
    pub quality: f64,
    /// The same of models that never knew against others of them: what so few models can say of a perfect method.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0, "maximum" = 1)))]
    pub best_possible: f64,
    /// Models that forgot.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "models")))]
    pub models: usize,
}

const DELTA: f64 = 1e-5;
const MOST: f64 = 50.0;
/// Thresholds for each unit of φ.
const PER_UNIT: f64 = 100.0;
/// How far thresholds go beyond the values.
const BUFFER: f64 = 2.0;
const BUCKET: f64 = 0.5;
/// Ranges this much apart are told apart without an attack.
const PEAKED: f64 = 0.01;

impl ForgettingQuality {
    /// Of φ, `[models][records]`, of models that forgot and of at least twice as many that never knew.
    pub fn of(forgot: &[Vec<f64>], never: &[Vec<f64>]) -> Option<ForgettingQuality> {
        let n = forgot.len();
        if n < 4 || never.len() < 2 * n {
            return None;
        }
        let quality = forgetting_quality(forgot, &never[..n]);
        Some(ForgettingQuality { quality, best_possible: forgetting_quality(&never[n..2 * n], &never[..n]), models: n })
    }
}

/// The mean of 2^−bucket over records, of φ as `[models][records]`; what lies beyond the largest ε that so many models
/// can show counts nothing.
pub fn forgetting_quality(forgot: &[Vec<f64>], never: &[Vec<f64>]) -> f64 {
    let records = forgot.first().map_or(0, Vec::len);
    let buckets = ((forgot.len() as f64 - 1.0).ln().ceil() / BUCKET).floor();
    let column = |models: &[Vec<f64>], r: usize| {
        let mut all: Vec<f64> = models.iter().map(|said| said[r]).collect();
        all.sort_by(f64::total_cmp);
        all
    };
    let score = |r: usize| {
        let bucket = (epsilon(&column(forgot, r), &column(never, r)) / BUCKET).floor();
        if bucket < buckets { (-bucket).exp2() } else { 0.0 }
    };
    (0..records).map(score).sum::<f64>() / records.max(1) as f64
}

/// The largest ε that an attack on one record shows; both sides ascending.
fn epsilon(forgot: &[f64], never: &[f64]) -> f64 {
    let (mut positive, mut negative) = match median(never) > median(forgot) {
        true => (never, forgot),
        false => (forgot, never),
    };
    let range = |of: &[f64]| of[of.len() - 1] - of[0];
    let (wide, narrow) = (range(positive).max(range(negative)), range(positive).min(range(negative)));
    if narrow / wide < PEAKED {
        return MOST;
    }
    let mut most = by_one(positive, negative);
    // Inside two thresholds is who belongs to the narrower side.
    if range(positive) >= range(negative) {
        std::mem::swap(&mut positive, &mut negative);
    }
    most = most.max(by_two(positive, negative, narrow));
    most.min(MOST)
}

fn by_one(positive: &[f64], negative: &[f64]) -> f64 {
    let low = positive[0].min(negative[0]);
    let high = positive[positive.len() - 1].max(negative[negative.len() - 1]);
    let mut most = 0.0f64;
    for cut in grid(low, high, ((high - low) * PER_UNIT).ceil() as usize) {
        // The source's are of single precision.
        let cut = f64::from(cut as f32);
        let below = |of: &[f64]| share(of.partition_point(|v| *v < cut), of);
        most = most.max(of_rates(1.0 - below(negative), below(positive)));
    }
    most
}

fn by_two(positive: &[f64], negative: &[f64], width: f64) -> f64 {
    let low = positive[0] + width - BUFFER;
    let high = positive[positive.len() - 1] + BUFFER;
    let lefts = (2.0 * BUFFER * PER_UNIT).ceil() as usize;
    let mut most = 0.0f64;
    for right in grid(low, high, ((high - low) * PER_UNIT).ceil() as usize) {
        let to = |of: &[f64]| of.partition_point(|v| *v <= right);
        let ends = [to(positive), to(negative)];
        for left in grid(right - width - BUFFER, right - width + BUFFER, lefts) {
            let inside = |of: &[f64], end: usize| share(end.saturating_sub(of.partition_point(|v| *v < left)), of);
            most = most.max(of_rates(inside(negative, ends[1]), 1.0 - inside(positive, ends[0])));
        }
    }
    most
}

fn grid(from: f64, to: f64, count: usize) -> impl Iterator<Item = f64> {
    let step = (to - from) / (count.max(2) - 1) as f64;
    (0..count).map(move |i| if i > 0 && i + 1 == count { to } else { from + i as f64 * step })
}

fn share(some: usize, of: &[f64]) -> f64 {
    some as f64 / of.len() as f64
}

fn median(sorted: &[f64]) -> f64 {
    let half = sorted.len() / 2;
    match sorted.len() % 2 {
        0 => 0.5 * (sorted[half - 1] + sorted[half]),
        _ => sorted[half],
    }
}

/// ε of an attack's false-positive and false-negative rate; 0 where exactly one of them is 0, and the attack is left
/// out.
fn of_rates(fpr: f64, fnr: f64) -> f64 {
    match (fpr <= 0.0, fnr <= 0.0) {
        (true, true) => f64::INFINITY,
        (false, false) => {
            let side = |a: f64, b: f64| (1.0 - DELTA - a).ln() - b.ln();
            side(fpr, fnr).max(side(fnr, fpr)).max(0.0)
        }
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn epsilons_are_those_of_the_source() {
        assert_eq!([of_rates(0.0, 0.0), of_rates(0.0, 0.5), of_rates(0.3, 0.0)], [f64::INFINITY, 0.0, 0.0]);
        assert!((of_rates(0.25, 0.5) - (0.5f64 - 1e-5).ln() + 0.25f64.ln()).abs() < 1e-12);
        assert_eq!(grid(1.0, 2.0, 3).collect::<Vec<_>>(), [1.0, 1.5, 2.0]);
    }

    #[test]
    fn equal_models_score_one_models_apart_nothing_and_a_peak_nothing() {
        let same: Vec<Vec<f64>> = (0..16).map(|m| vec![f64::from(m % 8), f64::from(m % 4)]).collect();
        let moved = |by: f64, times: f64| -> Vec<Vec<f64>> {
            same.iter().map(|v| v.iter().map(|x| times * x + by).collect()).collect()
        };
        assert!((forgetting_quality(&same[..8], &same[8..]) - 1.0).abs() < 1e-12);
        assert_eq!(forgetting_quality(&moved(20.0, 1.0), &same), 0.0);
        assert_eq!(forgetting_quality(&moved(1.0, 1e-4), &same), 0.0);
        let found = ForgettingQuality::of(&moved(20.0, 1.0)[..8], &same).unwrap();
        assert_eq!((found.quality, found.best_possible, found.models), (0.0, 1.0, 8));
        assert_eq!(ForgettingQuality::of(&same, &same), None);
    }
}
