//! KLoM (Georgiev et al. 2024, "Attribute-to-Delete"): for each record, how far the margins of models that forgot
//! diverge from those of models that never had it. Clipping, bins and the floor are those of the published script
//! (RoyRin/data-unlearning-bench), in which the largest value of all is in no bin.

use serde::{Deserialize, Serialize};

use crate::base::quantile;

/// The divergence over a group of records.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Klom {
    /// Mean over the records.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "nats", "minimum" = 0)))]
    pub mean: f64,
    /// 95th percentile over the records.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "nats", "minimum" = 0)))]
    pub p95: f64,
    /// The 95th percentile of models that never knew against others of them: what so few models show of a perfect
    /// method.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "nats", "minimum" = 0)))]
    pub best_possible: f64,
    /// Models that forgot.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "models")))]
    pub models: usize,
}

const BINS: usize = 20;
const FLOOR: f64 = 1e-5;
const MOST: f64 = 100.0;

impl Klom {
    /// Of margins, `[models][records]`, of models that forgot and of at least twice as many that never knew.
    pub fn of(forgot: &[Vec<f64>], never: &[Vec<f64>]) -> Option<Klom> {
        let n = forgot.len();
        if n < 4 || never.len() < 2 * n || forgot[0].is_empty() {
            return None;
        }
        let found = klom(forgot, &never[..n]);
        let mean = found.iter().sum::<f64>() / found.len() as f64;
        let best_possible = quantile(&klom(&never[n..2 * n], &never[..n]), 0.95)?;
        Some(Klom { mean, p95: quantile(&found, 0.95)?, best_possible, models: n })
    }
}

/// KL(forgot ‖ never) of each record's margins, `[models][records]` each, in nats.
pub fn klom(forgot: &[Vec<f64>], never: &[Vec<f64>]) -> Vec<f64> {
    let records = forgot.first().map_or(0, Vec::len);
    let column =
        |models: &[Vec<f64>], r: usize| -> Vec<f64> { models.iter().map(|said| said[r].clamp(-MOST, MOST)).collect() };
    (0..records).map(|r| divergence(&column(forgot, r), &column(never, r))).collect()
}

fn divergence(p: &[f64], q: &[f64]) -> f64 {
    let all = || p.iter().chain(q).copied();
    let (low, mut high) = (all().fold(f64::INFINITY, f64::min), all().fold(f64::NEG_INFINITY, f64::max));
    if low >= high {
        high = low + 1.0;
    }
    let step = (high - low) / BINS as f64;
    let edges: Vec<f64> = (0..=BINS).map(|i| if i == BINS { high } else { low + i as f64 * step }).collect();
    let shares = |of: &[f64]| {
        let mut counts = [0.0f64; BINS];
        for value in of {
            let at = edges.partition_point(|edge| edge <= value);
            if (1..=BINS).contains(&at) {
                counts[at - 1] += 1.0;
            }
        }
        let all: f64 = counts.iter().sum();
        counts.map(|count| if all > 0.0 { count / all } else { 0.0 })
    };
    let (p, mut q) = (shares(p), shares(q));
    q.iter_mut().zip(p).filter(|(_, p)| *p > 0.0).for_each(|(q, _)| *q = q.max(FLOOR));
    // The floor leaves a sum above 1, which is divided out again.
    let whole: f64 = q.iter().sum();
    p.iter().zip(q).filter(|(p, _)| **p > 0.0).map(|(p, q)| p * (p * whole / q).ln()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_margins_diverge_by_nothing_and_others_by_the_floor() {
        let models = |at: f64| (0..8).map(|i| vec![at + 0.1 * f64::from(i), 0.0]).collect::<Vec<_>>();
        let same = klom(&models(1.0), &models(1.0));
        assert!(same.iter().all(|found| found.abs() < 1e-12), "{same:?}");
        let apart = klom(&models(9.0), &models(1.0));
        // Less than the floor's 11.5 by what lies in several bins.
        assert!((9.0..11.6).contains(&apart[0]) && apart[1] == 0.0, "{apart:?}");
        let never: Vec<Vec<f64>> = [models(1.0), models(1.0)].concat();
        let found = Klom::of(&models(9.0), &never).expect("enough models");
        assert!(found.p95 > 5.0 && found.best_possible.abs() < 1e-12 && found.models == 8, "{found:?}");
        assert_eq!(Klom::of(&models(9.0), &never[..9]), None);
    }
}
