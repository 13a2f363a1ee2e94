//! Means of features and the head that they make, in f64.

use crate::methods::shared::softmax::cross_entropy;

/// Of the classes of some records.
pub(super) struct Means {
    classes: usize,
    width: usize,
    /// [classes, width]; of a class without records the mean of the others'.
    means: Vec<f64>,
    /// What an output has besides its distance, [classes].
    priors: Vec<f64>,
    /// ‖μ_c‖² / 2; of a class without records the mean of the others'.
    halves: Vec<f64>,
    /// The mean square of a feature's distance from its class mean.
    spread: f64,
}

/// Doublings of a scale at most, and halvings of an interval of them.
const STEPS: usize = 40;

impl Means {
    /// Of `features` [records, width] with their classes.
    pub fn of(features: &[f32], own: &[u32], (classes, width): (usize, usize)) -> Means {
        let rows = || features.chunks_exact(width).zip(own.iter().map(|class| *class as usize));
        let (mut means, mut counts) = (vec![0.0; classes * width], vec![0.0; classes]);
        for (row, class) in rows() {
            counts[class] += 1.0;
            means[class * width..(class + 1) * width].iter_mut().zip(row).for_each(|(sum, v)| *sum += f64::from(*v));
        }
        let there: Vec<usize> = (0..classes).filter(|class| counts[*class] > 0.0).collect();
        for class in &there {
            means[class * width..(class + 1) * width].iter_mut().for_each(|sum| *sum /= counts[*class]);
        }
        let square = |class: usize| means[class * width..(class + 1) * width].iter().map(|v| v * v).sum::<f64>();
        let mut halves: Vec<f64> = (0..classes).map(|class| 0.5 * square(class)).collect();
        let each = there.len().max(1) as f64;
        let middle: Vec<f64> =
            (0..width).map(|i| there.iter().map(|class| means[class * width + i]).sum::<f64>() / each).collect();
        let half = there.iter().map(|class| halves[*class]).sum::<f64>() / each;
        for class in (0..classes).filter(|class| counts[*class] == 0.0) {
            means[class * width..(class + 1) * width].copy_from_slice(&middle);
            halves[class] = half;
        }
        let far = |(row, class): (&[f32], usize)| {
            let mean = &means[class * width..(class + 1) * width];
            row.iter().zip(mean).map(|(v, mean)| (f64::from(*v) - mean).powi(2)).sum::<f64>()
        };
        let spread = rows().map(far).sum::<f64>() / features.len().max(1) as f64;
        let all = own.len() as f64 + classes as f64;
        let priors = counts.iter().map(|count| ((count + 1.0) / all).ln()).collect();
        Means { classes, width, means, priors, halves, spread }
    }

    /// Weights [classes, width] and biases.
    pub fn head(&self, scale: f64) -> (Vec<f32>, Vec<f32>) {
        let biases = self.halves.iter().zip(&self.priors).map(|(half, prior)| (prior - scale * half) as f32);
        (self.means.iter().map(|mean| (scale * mean) as f32).collect(), biases.collect())
    }

    /// The scale at which the mean cross-entropy of the records is `loss`, or half of that at scale 0 where `loss` is
    /// more; where no scale has so little, the one that has least.
    pub fn scale(&self, features: &[f32], own: &[u32], loss: f64) -> f64 {
        let near: Vec<f64> = features
            .chunks_exact(self.width)
            .flat_map(|row| {
                let dot = move |mean: &[f64]| mean.iter().zip(row).map(|(m, v)| m * f64::from(*v)).sum::<f64>();
                self.means.chunks_exact(self.width).zip(&self.halves).map(move |(mean, half)| dot(mean) - half)
            })
            .collect();
        let at = |scale: f64| {
            let rows = near.chunks_exact(self.classes).zip(own);
            let each = rows.map(|(row, class)| {
                let z: Vec<f64> = row.iter().zip(&self.priors).map(|(near, prior)| scale * near + prior).collect();
                cross_entropy(&z, *class as usize).0
            });
            each.sum::<f64>() / own.len().max(1) as f64
        };
        let goal = loss.min(0.5 * at(0.0));
        // The loss is convex in the scale.
        let (mut high, mut low) = (1e-3 / self.spread.max(1e-12), 0.0);
        let mut last = at(high);
        for _ in 0..STEPS {
            let next = at(2.0 * high);
            if last <= goal || next >= last {
                break;
            }
            (low, high, last) = (high, 2.0 * high, next);
        }
        if last > goal {
            return least(at, (low, 2.0 * high));
        }
        for _ in 0..STEPS {
            let middle = 0.5 * (low + high);
            if at(middle) <= goal { high = middle } else { low = middle }
        }
        high
    }
}

/// Where a convex function is least, between two ends.
fn least(at: impl Fn(f64) -> f64, (mut low, mut high): (f64, f64)) -> f64 {
    for _ in 0..STEPS {
        let (a, b) = (low + (high - low) / 3.0, high - (high - low) / 3.0);
        if at(a) <= at(b) { high = b } else { low = a }
    }
    0.5 * (low + high)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three records of two classes of three: means (1, 0) and (0, 3), worked by hand.
    #[test]
    fn a_head_names_the_nearest_mean_and_never_a_class_that_is_gone() {
        let (features, own) = ([0.0, 0.0, 2.0, 0.0, 0.0, 3.0], [0, 0, 2]);
        let means = Means::of(&features, &own, (3, 2));
        let (weight, bias) = means.head(2.0);
        assert_eq!(weight, [2.0, 0.0, 1.0, 3.0, 0.0, 6.0]);
        let want = [(3.0f64 / 6.0).ln() - 1.0, (1.0f64 / 6.0).ln() - 5.0, (2.0f64 / 6.0).ln() - 9.0];
        assert!(bias.iter().zip(want).all(|(bias, want)| (f64::from(*bias) - want).abs() < 1e-6), "{bias:?}");
        for at in 0..400 {
            let h = [(at % 20) as f32 - 9.5, (at / 20) as f32 - 9.5];
            let z: Vec<f32> = (0..3).map(|c| weight[2 * c] * h[0] + weight[2 * c + 1] * h[1] + bias[c]).collect();
            assert!(z[1] < z[0].max(z[2]), "{h:?}: {z:?}");
        }
    }

    #[test]
    fn the_scale_has_the_loss_that_is_asked_for_or_the_least() {
        let own = [0, 0, 1, 1, 0, 1];
        let apart = [-3.0, -2.0, 2.0, 3.0, -2.5, 2.5];
        let means = Means::of(&apart, &own, (2, 1));
        let loss = |means: &Means, features: &[f32], scale: f64| {
            let (weight, bias) = means.head(scale);
            let of = |(h, class): (&f32, &u32)| {
                let z: Vec<f64> = (0..2).map(|c| f64::from(weight[c] * h + bias[c])).collect();
                cross_entropy(&z, *class as usize).0
            };
            features.iter().zip(&own).map(of).sum::<f64>() / 6.0
        };
        for goal in [0.3, 0.05, 0.001] {
            let scale = means.scale(&apart, &own, goal);
            assert!((loss(&means, &apart, scale) / goal - 1.0).abs() < 1e-4, "{goal}: {scale}");
        }
        // Classes that overlap: no scale has so little, and a better one than that which is found is not near it.
        let mixed = [-1.0, 2.0, -0.5, 1.5, -1.0, 0.5];
        let means = Means::of(&mixed, &own, (2, 1));
        let scale = means.scale(&mixed, &own, 0.01);
        let found = loss(&means, &mixed, scale);
        assert!(found > 0.01 && [0.9, 1.1].iter().all(|by| loss(&means, &mixed, by * scale) > found), "{scale}");
    }
}
