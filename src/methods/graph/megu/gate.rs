//! The linear module that forgets: its numbers, both losses, and a step.

use crate::base::philox::{philox, unit};
use crate::methods::shared::softmax::{cross_entropy, divergence};

/// Keeps its first numbers apart from the seed's other uses.
const STREAM: u32 = 0x6d65_6775;

/// g(z) = W z + b over rows of outputs.
pub(super) struct Gate {
    width: usize,
    /// W by rows, then b.
    numbers: Vec<f64>,
}

/// Outputs [records, classes] with the classes that they had.
pub(super) struct Part<'a> {
    pub outputs: &'a [f64],
    pub classes: &'a [usize],
    pub weight: f64,
}

impl Gate {
    /// Uniform in ±1/√classes, as PyTorch draws a linear layer.
    pub fn drawn(width: usize, seed: u64) -> Gate {
        let bound = 1.0 / (width as f64).sqrt();
        let number = |i: usize| {
            let words = philox([(i / 4) as u32, 0, STREAM, 0], [seed as u32, (seed >> 32) as u32]);
            (2.0 * f64::from(unit(words[i % 4])) - 1.0) * bound
        };
        Gate { width, numbers: (0..width * (width + 1)).map(number).collect() }
    }

    fn of(&self, z: &[f64]) -> Vec<f64> {
        let (w, b) = self.numbers.split_at(self.width * self.width);
        let row = |(w, b): (&[f64], &f64)| b + w.iter().zip(z).map(|(w, z)| w * z).sum::<f64>();
        w.chunks_exact(self.width).zip(b).map(row).collect()
    }

    /// Adds what a slope of g(z) says of W, b and z.
    fn back(&self, z: &[f64], slope: &[f64], own: &mut [f64], dz: &mut [f64]) {
        let (dw, db) = own.split_at_mut(self.width * self.width);
        for (i, dy) in slope.iter().enumerate() {
            db[i] += dy;
            let row = i * self.width..(i + 1) * self.width;
            for ((dw, w), (z, dz)) in dw[row.clone()].iter_mut().zip(&self.numbers[row]).zip(z.iter().zip(&mut *dz)) {
                *dw += dy * z;
                *dz += dy * w;
            }
        }
    }

    /// Both losses, [L_U, L_R], and the slopes of kappa L_U + L_R in the outputs; then g takes its own step.
    pub fn step(&mut self, parts: [Part; 2], temperature: f64, lr: f64) -> ([f64; 2], [Vec<f64>; 2]) {
        let mut own = vec![0.0; self.numbers.len()];
        let mut losses = [0.0; 2];
        let mut slopes = [Vec::new(), Vec::new()];
        for (at, part) in parts.iter().enumerate() {
            let (forgets, mean) = (at == 0, 1.0 / part.classes.len().max(1) as f64);
            for (z, class) in part.outputs.chunks_exact(self.width).zip(part.classes) {
                let y = self.of(z);
                let scale = |slope: Vec<f64>, by: f64| slope.into_iter().map(|v| v * by * mean * part.weight).collect();
                let ((apart, far), (loss, right)) = match forgets {
                    true => (divergence(&y, z, temperature), cross_entropy(&y, *class)),
                    false => (divergence(z, &y, temperature), cross_entropy(z, *class)),
                };
                let sign = if forgets { -1.0 } else { 1.0 };
                losses[at] += mean * (apart + sign * loss);
                let (far, right): (Vec<f64>, Vec<f64>) = (scale(far, 1.0), scale(right, sign));
                // The divergence is of the outputs where these forget, of g's where they keep; the other way round for
                // the classes.
                let (mut dz, dy) = if forgets { (far, right) } else { (right, far) };
                self.back(z, &dy, &mut own, &mut dz);
                slopes[at].append(&mut dz);
            }
        }
        self.numbers.iter_mut().zip(own).for_each(|(number, slope)| *number -= lr * slope);
        (losses, slopes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The detached sides of the divergences are held by hand.
    #[test]
    fn slopes_are_differences() {
        let (z, class, t, kappa) = (vec![0.4, -1.0, 0.3, 1.5, 0.2, -0.4], [2usize, 0], 1.5, 0.7);
        let gate = Gate::drawn(3, 5);
        let part = |z: &[f64], forgets: bool, fixed: &Gate, at: &[f64]| {
            let rows = z.chunks_exact(3).zip(class).zip(at.chunks_exact(3));
            rows.map(|((z, class), held)| {
                let y = fixed.of(z);
                match forgets {
                    true => divergence(&Gate::drawn(3, 5).of(held), z, t).0 - cross_entropy(&y, class).0,
                    false => divergence(held, &y, t).0 + cross_entropy(z, class).0,
                }
            })
            .sum::<f64>()
                / 2.0
        };
        for forgets in [true, false] {
            let weight = if forgets { kappa } else { 1.0 };
            let this = Part { outputs: &z, classes: &class, weight };
            let none = Part { outputs: &[], classes: &[], weight: 1.0 };
            let mut moved = Gate::drawn(3, 5);
            let parts = if forgets { [this, none] } else { [none, this] };
            let (losses, slopes) = moved.step(parts, t, 1.0);
            let at = usize::from(!forgets);
            assert!((losses[at] - part(&z, forgets, &gate, &z)).abs() < 1e-12);
            for i in 0..6 {
                let value = |by: f64| {
                    let mut other = z.clone();
                    other[i] += by;
                    weight * part(&other, forgets, &gate, &z)
                };
                let want = (value(1e-5) - value(-1e-5)) / 2e-5;
                assert!((slopes[at][i] - want).abs() < 1e-9, "{forgets} {i}: {}, {want}", slopes[at][i]);
            }
            for i in 0..12 {
                let value = |by: f64| {
                    let mut other = Gate::drawn(3, 5);
                    other.numbers[i] += by;
                    weight * part(&z, forgets, &other, &z)
                };
                let want = (value(1e-5) - value(-1e-5)) / 2e-5;
                let step = gate.numbers[i] - moved.numbers[i];
                assert!((step - want).abs() < 1e-9, "{forgets} {i}: {step}, {want}");
            }
        }
    }
}
