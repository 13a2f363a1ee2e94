//! A linear probe: can a linear function of what a network makes of records tell two groups apart? A head that no
//! longer names a class hides nothing of it from a probe of the layer below (Jung et al. 2024, "Are We Truly
//! Forgetting?"; the information of IDI, read linearly).

use super::Success;
use crate::error::Result;

/// Parts that take turns at being scored by what the others teach.
const FOLDS: usize = 5;
/// Of the features' mean variance, which weights pay for.
const RIDGE: f64 = 0.1;

/// AUC of a ridge regression on ±1 that scores each row by a fit to the other folds, the groups' `i`-th rows in fold
/// `i mod 5`. `first` and `others` are features [rows, width]; none with fewer than two rows for each fold.
///
/// # Errors
/// Features that are not finite.
pub fn linear_probe(first: &[f32], others: &[f32], width: usize) -> Result<Option<f64>> {
    let groups: [Vec<&[f32]>; 2] = [first.chunks_exact(width).collect(), others.chunks_exact(width).collect()];
    if groups.iter().any(|rows| rows.len() < 2 * FOLDS) {
        return Ok(None);
    }
    let mut scores: [Vec<f64>; 2] = Default::default();
    for fold in 0..FOLDS {
        let part = |own: bool| {
            let of = |(sign, rows): (f64, &Vec<&'_ [f32]>)| {
                let some = rows.iter().enumerate().filter(|(i, _)| (i % FOLDS == fold) == own);
                some.map(|(_, row)| (sign, row.to_vec())).collect::<Vec<(f64, Vec<f32>)>>()
            };
            [1.0, -1.0].into_iter().zip(&groups).flat_map(of).collect::<Vec<_>>()
        };
        let fit = Ridge::of(&part(false), width);
        for (sign, row) in part(true) {
            scores[usize::from(sign < 0.0)].push(fit.score(&row));
        }
    }
    Ok(Success::of(&scores[0], &scores[1])?.map(|found| found.auc))
}

/// Weights on centred features; an intercept would add the same to all rows.
struct Ridge {
    centre: Vec<f64>,
    weights: Vec<f64>,
    mean: f64,
}

impl Ridge {
    fn of(rows: &[(f64, Vec<f32>)], width: usize) -> Ridge {
        let n = rows.len() as f64;
        let mut centre = vec![0.0; width];
        rows.iter().for_each(|(_, row)| centre.iter_mut().zip(row).for_each(|(c, v)| *c += f64::from(*v) / n));
        let mean = rows.iter().map(|(sign, _)| sign).sum::<f64>() / n;
        let (mut gram, mut b) = (vec![0.0; width * width], vec![0.0; width]);
        for (sign, row) in rows {
            let centred: Vec<f64> = row.iter().zip(&centre).map(|(v, c)| f64::from(*v) - c).collect();
            for (i, v) in centred.iter().enumerate().filter(|(_, v)| **v != 0.0) {
                b[i] += v * (sign - mean);
                gram[i * width..=i * width + i].iter_mut().zip(&centred).for_each(|(g, w)| *g += v * w);
            }
        }
        let spread = (0..width).map(|i| gram[i * width + i]).sum::<f64>() / width as f64;
        // A layer that says the same of everybody is singular without it.
        let ridge = (RIDGE * spread).max(f64::MIN_POSITIVE);
        (0..width).for_each(|i| gram[i * width + i] += ridge);
        Ridge { centre, weights: solve(gram, b), mean }
    }

    fn score(&self, row: &[f32]) -> f64 {
        let each = row.iter().zip(&self.centre).zip(&self.weights);
        self.mean + each.map(|((v, c), w)| w * (f64::from(*v) - c)).sum::<f64>()
    }
}

/// x of A·x = b for a symmetric positive definite A [n, n], of which the lower triangle is read.
fn solve(mut a: Vec<f64>, mut b: Vec<f64>) -> Vec<f64> {
    let n = b.len();
    for i in 0..n {
        for j in 0..=i {
            let dot: f64 = (0..j).map(|k| a[i * n + k] * a[j * n + k]).sum();
            let rest = a[i * n + j] - dot;
            a[i * n + j] = if i == j { rest.max(f64::MIN_POSITIVE).sqrt() } else { rest / a[j * n + j] };
        }
        let dot: f64 = (0..i).map(|k| a[i * n + k] * b[k]).sum();
        b[i] = (b[i] - dot) / a[i * n + i];
    }
    for i in (0..n).rev() {
        let dot: f64 = (i + 1..n).map(|k| a[k * n + i] * b[k]).sum();
        b[i] = (b[i] - dot) / a[i * n + i];
    }
    b
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::splitmix::SplitMix64;

    #[test]
    fn a_direction_that_tells_groups_apart_is_found_among_noise_and_none_where_there_is_none() {
        let mut random = SplitMix64::new(7);
        let mut rows = |shift: f32| {
            let mut noise = || (random.next() >> 40) as f32 / (1u64 << 24) as f32 - 0.5;
            (0..200).flat_map(|_| [noise(), noise() + shift, 0.0]).collect::<Vec<f32>>()
        };
        let (none, some) = (rows(0.0), rows(0.4));
        let apart = linear_probe(&some, &none, 3).unwrap().expect("rows");
        let other = rows(0.0);
        let alike = linear_probe(&other, &none, 3).unwrap().expect("rows");
        assert!(apart > 0.75 && (alike - 0.5).abs() < 0.1, "{apart} {alike}");
        assert_eq!(linear_probe(&some[..27], &none, 3).unwrap(), None);
        let flat = linear_probe(&vec![1.0; 60], &vec![1.0; 60], 3).unwrap();
        assert_eq!(flat, Some(0.5));
    }
}
