//! Losses of rows of outputs that the host makes, with their slopes, in f64.

/// softmax(z / temperature) of one row.
pub fn softmax(z: &[f64], temperature: f64) -> Vec<f64> {
    let top = z.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let exp: Vec<f64> = z.iter().map(|z| ((z - top) / temperature).exp()).collect();
    let sum: f64 = exp.iter().sum();
    exp.into_iter().map(|e| e / sum).collect()
}

/// The cross-entropy of a row and its slope: −log softmax(z)_class.
pub fn cross_entropy(z: &[f64], class: usize) -> (f64, Vec<f64>) {
    let mut slope = softmax(z, 1.0);
    let loss = -slope[class].max(f64::MIN_POSITIVE).ln();
    slope[class] -= 1.0;
    (loss, slope)
}

/// KL(softmax(teacher / T) ‖ softmax(z / T)) of a row and its slope in z, without a factor T².
pub fn divergence(teacher: &[f64], z: &[f64], temperature: f64) -> (f64, Vec<f64>) {
    let (t, p) = (softmax(teacher, temperature), softmax(z, temperature));
    let term = |(t, p): (&f64, &f64)| if *t > 0.0 { t * (t / p.max(f64::MIN_POSITIVE)).ln() } else { 0.0 };
    let loss = t.iter().zip(&p).map(term).sum();
    (loss, p.iter().zip(&t).map(|(p, t)| (p - t) / temperature).collect())
}

/// The place of the largest number, the first of equals.
pub fn argmax(z: &[f64]) -> usize {
    let better = |best: usize, at: usize| if z[at] > z[best] { at } else { best };
    (0..z.len()).fold(0, better)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slopes_are_differences() {
        let (z, teacher) = ([0.3, -1.2, 2.0], [1.0, 0.5, -0.7]);
        type Loss<'a> = &'a dyn Fn(&[f64]) -> (f64, Vec<f64>);
        let losses: [Loss; 2] = [&|z| cross_entropy(z, 1), &|z| divergence(&teacher, z, 1.7)];
        for loss in losses {
            for at in 0..3 {
                let moved = |by: f64| {
                    let mut z = z;
                    z[at] += by;
                    loss(&z).0
                };
                let want = (moved(1e-5) - moved(-1e-5)) / 2e-5;
                assert!((loss(&z).1[at] - want).abs() < 1e-9, "{at}: {want}");
            }
        }
        assert!(divergence(&z, &z, 3.0).0.abs() < 1e-15 && argmax(&z) == 2 && argmax(&[1.0, 1.0]) == 0);
    }
}
