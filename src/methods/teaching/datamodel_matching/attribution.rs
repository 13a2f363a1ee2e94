//! Who of the forgotten records is in which model, and what all of them together do to an output.

use crate::base::philox::{philox, unit};
use crate::error::{Error, Result};

/// Keeps the draws apart from the seed's other uses.
const STREAM_PARTS: u32 = 0x646d_7061;

/// Who of `records` is in each of so many models, the last left out where their number is odd. Models come in pairs;
/// the first of pair j has each record with the chance (j + 1/2) / pairs, a function of the seed and the record's id,
/// the second has the others.
pub(super) fn members(records: &[u32], models: usize, seed: u64) -> Vec<Vec<bool>> {
    let pairs = models / 2;
    let of = |pair: usize| {
        let chance = (pair as f64 + 0.5) / pairs as f64;
        let drawn = |id: &u32| {
            let word = philox([*id, pair as u32, STREAM_PARTS, 0], [seed as u32, (seed >> 32) as u32])[0];
            f64::from(unit(word)) < chance
        };
        let first: Vec<bool> = records.iter().map(drawn).collect();
        let others = first.iter().map(|is| !is).collect();
        [first, others]
    };
    (0..pairs).flat_map(of).collect()
}

/// What weighs an output of each model, so that the sum is the effect of all records: the best linear guess where the
/// effects of records are one number for all and one for each, both of variance 1, and a model's noise has `ridge` ·
/// |F| / 4.
pub(super) struct Attribution {
    weights: Vec<f64>,
}

impl Attribution {
    /// # Errors
    /// No records; models that all have as many.
    pub fn of(parts: &[Vec<bool>], ridge: f64) -> Result<Attribution> {
        let (models, records) = (parts.len(), parts.first().map_or(0, Vec::len));
        let shares: Vec<f64> =
            (0..records).map(|i| parts.iter().filter(|part| part[i]).count() as f64 / models as f64).collect();
        let centred: Vec<Vec<f64>> = parts
            .iter()
            .map(|part| part.iter().zip(&shares).map(|(is, mean)| f64::from(*is) - mean).collect())
            .collect();
        let counts: Vec<f64> = centred.iter().map(|row| row.iter().sum()).collect();
        if records == 0 || counts.iter().all(|count| count.abs() < 1e-9) {
            return Err(Error::input(
                "method `datamodel_matching` needs models with more and with fewer of the forgotten records, and all \
                 of these have as many; give more `models`, or use retrain",
            ));
        }
        let noise = ridge * records as f64 / 4.0;
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let mut kernel: Vec<f64> = (0..models * models)
            .map(|at| {
                let (i, j) = (at / models, at % models);
                dot(&centred[i], &centred[j]) + counts[i] * counts[j] + if i == j { noise } else { 0.0 }
            })
            .collect();
        let mut weights: Vec<f64> = counts.iter().map(|count| (records as f64 + 1.0) * count).collect();
        solve(&mut kernel, &mut weights);
        // What is weighed are differences from the models' mean.
        let mean = weights.iter().sum::<f64>() / models as f64;
        weights.iter_mut().for_each(|weight| *weight -= mean);
        Ok(Attribution { weights })
    }

    /// What all records together add to an output, of which each model has one.
    pub fn of_all(&self, outputs: &[f64]) -> f64 {
        self.weights.iter().zip(outputs).map(|(weight, output)| weight * output).sum()
    }
}

/// Puts A⁻¹ b into `b`, for a symmetric positive definite A [n, n], by its Cholesky factor.
fn solve(a: &mut [f64], b: &mut [f64]) {
    let n = b.len();
    for j in 0..n {
        for i in j..n {
            let sum: f64 = (0..j).map(|k| a[i * n + k] * a[j * n + k]).sum();
            let value = a[i * n + j] - sum;
            a[i * n + j] = if i == j { value.max(f64::MIN_POSITIVE).sqrt() } else { value / a[j * n + j] };
        }
    }
    for i in 0..n {
        let sum: f64 = (0..i).map(|k| a[i * n + k] * b[k]).sum();
        b[i] = (b[i] - sum) / a[i * n + i];
    }
    for i in (0..n).rev() {
        let sum: f64 = (i + 1..n).map(|k| a[k * n + i] * b[k]).sum();
        b[i] = (b[i] - sum) / a[i * n + i];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_come_in_pairs_that_have_everybody() {
        let parts = members(&[3, 5, 8, 13, 21], 6, 7);
        assert_eq!(parts.len(), 6);
        assert!(parts.chunks(2).all(|pair| pair[0].iter().zip(&pair[1]).all(|(a, b)| a != b)), "{parts:?}");
        let count = |part: &Vec<bool>| part.iter().filter(|is| **is).count();
        let many = members(&(0..400).collect::<Vec<_>>(), 4, 7);
        assert!((60..140).contains(&count(&many[0])) && (260..340).contains(&count(&many[2])), "a quarter, and three");
        assert_eq!(members(&[8], 6, 7), parts.iter().map(|part| vec![part[2]]).collect::<Vec<_>>());
    }

    /// Outputs that are linear in who is there: what all add is found, whatever else they have in common.
    #[test]
    fn what_all_records_add_is_found() {
        let ids: Vec<u32> = (0..12).collect();
        let parts = members(&ids, 40, 3);
        let effect = |i: usize| 0.5 + 0.1 * (i as f64 - 5.5);
        let outputs: Vec<f64> = parts
            .iter()
            .map(|part| 7.0 + part.iter().enumerate().filter(|(_, is)| **is).map(|(i, _)| effect(i)).sum::<f64>())
            .collect();
        let want: f64 = (0..12).map(effect).sum();
        let found = Attribution::of(&parts, 1e-6).unwrap().of_all(&outputs);
        assert!((found - want).abs() < 1e-3, "{found}, not {want}");
        let held = Attribution::of(&parts, 1.0).unwrap().of_all(&outputs);
        assert!((held - want).abs() < 0.05 * want, "{held}, not {want}");
        assert!(Attribution::of(&[vec![true, false], vec![false, true]], 1.0).is_err());
    }
}
