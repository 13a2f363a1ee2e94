//! Forgetting quality of the NeurIPS 2023 unlearning challenge (Triantafillou et al. 2024, "Are we making progress in
//! unlearning?"): how well the best threshold tells, record by record, models that forgot from models that never knew.

use serde::{Deserialize, Serialize};

/// The score of a method.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct ForgettingQuality {
    /// Mean over the forgotten records of 2^{1−bin}: 1 where no attack sees an ε of ½.
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
/// Width of a bin of ε, and how many there are.
const BIN: f64 = 0.5;
const BINS: usize = 13;

impl ForgettingQuality {
    /// Of φ, `[models][records]`, of models that forgot and of at least twice as many that never knew.
    pub fn of(forgot: &[Vec<f64>], never: &[Vec<f64>]) -> Option<ForgettingQuality> {
        let n = forgot.len();
        if n < 2 || never.len() < 2 * n {
            return None;
        }
        let quality = forgetting_quality(forgot, &never[..n]);
        Some(ForgettingQuality { quality, best_possible: forgetting_quality(&never[n..2 * n], &never[..n]), models: n })
    }
}

/// The mean of 2^{1−bin} over records, of φ as `[models][records]`.
pub fn forgetting_quality(forgot: &[Vec<f64>], never: &[Vec<f64>]) -> f64 {
    let records = forgot.first().map_or(0, Vec::len);
    let column = |models: &[Vec<f64>], r: usize| models.iter().map(|said| said[r]).collect::<Vec<f64>>();
    let score = |r: usize| 2f64.powi(1 - bin(epsilon(&column(forgot, r), &column(never, r))) as i32);
    (0..records).map(score).sum::<f64>() / records.max(1) as f64
}

/// The bin of an ε, from 1.
fn bin(epsilon: f64) -> usize {
    (1..=BINS).take_while(|bin| (bin - 1) as f64 * BIN <= epsilon).count()
}

/// The largest ε that an attack by one threshold or two shows. Thresholds lie between the values that were seen, where
/// the source lays a grid of a hundredth.
fn epsilon(forgot: &[f64], never: &[f64]) -> f64 {
    let mut cuts: Vec<f64> = forgot.iter().chain(never).copied().collect();
    cuts.sort_by(f64::total_cmp);
    cuts.dedup();
    let share = |of: &[f64], low: f64, high: f64| {
        of.iter().filter(|v| **v >= low && **v < high).count() as f64 / of.len() as f64
    };
    let ends = || cuts.iter().copied().chain([f64::INFINITY]);
    let mut most = 0.0f64;
    for (i, low) in cuts.iter().enumerate() {
        for high in ends().skip(i + 1) {
            // Who says "forgot" inside, and who says it outside.
            let (hit, false_alarm) = (share(forgot, *low, high), share(never, *low, high));
            most = most.max(of_rates(false_alarm, 1.0 - hit)).max(of_rates(1.0 - false_alarm, hit));
        }
    }
    most
}

/// ε of an attack's false-positive and false-negative rate; 0 where exactly one of them is 0, and the attack is left
/// out.
pub(super) fn of_rates(fpr: f64, fnr: f64) -> f64 {
    match (fpr <= 0.0, fnr <= 0.0) {
        (true, true) => f64::INFINITY,
        (false, false) => {
            let side = |a: f64, b: f64| if 1.0 - DELTA - a > 0.0 { (1.0 - DELTA - a).ln() - b.ln() } else { f64::NAN };
            // NaN gives way to the other; two of them are a perfect attack.
            match side(fpr, fnr).max(side(fnr, fpr)) {
                most if most.is_nan() => f64::INFINITY,
                most => most.max(0.0),
            }
        }
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn epsilons_and_bins_are_those_of_the_source() {
        assert_eq!([0.0, 0.49, 0.5, 0.99, 1.0, 50.0, f64::INFINITY].map(bin), [1, 1, 2, 2, 3, 13, 13]);
        assert_eq!([of_rates(0.0, 0.0), of_rates(0.0, 0.5), of_rates(0.3, 0.0)], [f64::INFINITY, 0.0, 0.0]);
        assert!((of_rates(0.25, 0.5) - (0.75f64 - 1e-5).ln() + 0.5f64.ln()).abs() < 1e-12);
        assert_eq!(of_rates(1.0, 1.0), f64::INFINITY);
    }

    #[test]
    fn equal_models_score_one_and_models_apart_next_to_nothing() {
        let same: Vec<Vec<f64>> = (0..8).map(|m| vec![f64::from(m % 4), f64::from(m % 2)]).collect();
        let apart: Vec<Vec<f64>> = same.iter().map(|v| v.iter().map(|x| x + 10.0).collect()).collect();
        assert!((forgetting_quality(&same, &same) - 1.0).abs() < 1e-12);
        assert!((forgetting_quality(&apart, &same) - 2f64.powi(-12)).abs() < 1e-12);
        let found = ForgettingQuality::of(&apart[..4], &same).unwrap();
        assert!(found.quality < 0.001 && found.best_possible == 1.0 && found.models == 4, "{found:?}");
        assert_eq!(ForgettingQuality::of(&apart, &same), None);
    }
}
