//! Gradients against central differences along random directions, in f64.

use crate::engine::case::Gen;
use crate::engine::{Engine, Lane, Program, Span};
use crate::error::{Error, Result};

/// How a gradient is checked.
#[derive(Clone, Copy, Debug)]
pub struct GradCheck {
    /// Length of a step along a direction of unit length; scaled by max(1, ‖x‖).
    pub step: f64,
    /// Random directions. The gradient is also checked along itself, where it is steepest.
    pub directions: usize,
    /// Chooses the directions.
    pub seed: u64,
    /// Largest allowed |numeric − analytic| / max(|numeric|, |analytic|, ‖g‖·`floor`).
    pub tolerance: f64,
    /// Directions nearly at right angles to the gradient are measured against this part of its length.
    pub floor: f64,
}

impl Default for GradCheck {
    fn default() -> Self {
        // Error of a central difference in f64: h² f''' / 6 against 1e-16 / h; h near 1e-5 balances both.
        GradCheck { step: 1e-5, directions: 8, seed: 1, tolerance: 1e-6, floor: 1e-2 }
    }
}

/// The worst direction of a gradient check.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub struct GradReport {
    /// Largest relative difference.
    pub worst: f64,
    /// Number of the direction; 0 is the gradient itself.
    pub direction: usize,
    /// The derivative there by the backward pass.
    pub analytic: f64,
    /// The derivative there by central differences.
    pub numeric: f64,
}

impl GradCheck {
    /// Checks that `gradient` is the gradient of the scalar function `f` at `x`: g·d against (f(x+hd) − f(x−hd)) / 2h.
    ///
    /// # Errors
    /// `f` fails, a value is not finite, lengths differ, or a direction is outside the tolerance (`CheckFailed`).
    pub fn scalar(&self, mut f: impl FnMut(&[f64]) -> Result<f64>, x: &[f64], gradient: &[f64]) -> Result<GradReport> {
        if x.len() != gradient.len() {
            let (n, m) = (x.len(), gradient.len());
            return Err(Error::CheckFailed(format!("a gradient of {m} elements for a function of {n}")));
        }
        let (norm, h) = (length(gradient), self.step * length(x).max(1.0));
        let mut report = GradReport { worst: -1.0, ..Default::default() };
        let mut g = Gen::new(self.seed);
        for direction in 0..=self.directions {
            let random: Vec<f64>;
            let along = if direction == 0 && norm > 0.0 {
                gradient
            } else {
                random = g.values(x.len()).iter().map(|v| f64::from(*v)).collect();
                &random
            };
            let scale = 1.0 / length(along).max(f64::MIN_POSITIVE);
            let moved = |by: f64| -> Vec<f64> { x.iter().zip(along).map(|(x, d)| x + by * scale * d).collect() };
            let numeric = (f(&moved(h))? - f(&moved(-h))?) / (2.0 * h);
            let analytic: f64 = gradient.iter().zip(along).map(|(g, d)| g * d * scale).sum();
            let against = numeric.abs().max(analytic.abs()).max(norm * self.floor).max(f64::MIN_POSITIVE);
            let error = (numeric - analytic).abs() / against;
            if !error.is_finite() || error > self.tolerance {
                return Err(Error::CheckFailed(format!(
                    "along direction {direction} the gradient predicts {analytic:e}, central differences give \
                        {numeric:e} (relative error {error:e}, allowed {:e})",
                    self.tolerance
                )));
            }
            if error > report.worst {
                report = GradReport { worst: error, direction, analytic, numeric };
            }
        }
        Ok(report)
    }
}

/// Random upstream gradient of a vector-valued function: not all ones, which would hide permuted gradients.
pub fn upstream(n: usize, seed: u64) -> Vec<f64> {
    Gen::new(seed).values(n).iter().map(|v| f64::from(*v)).collect()
}

/// A compiled program of the reference engine as a scalar function: sets the kept range `x`, runs, and returns
/// Σ upstream·y over the kept range `y`, all in f64.
///
/// # Errors
/// The engine is a GPU, `y` holds u32, or `upstream` has another length.
pub fn projection<'a>(
    engine: &'a mut Engine,
    program: &'a Program,
    x: Span,
    y: Span,
    upstream: &'a [f64],
) -> impl FnMut(&[f64]) -> Result<f64> + 'a {
    move |at| {
        let not_ours = || Error::internal("a gradient check needs the reference engine");
        engine.as_reference().ok_or_else(not_ours)?.store(x, &Lane::F32(at.to_vec()));
        engine.run(program, &[])?;
        let Lane::F32(out) = engine.as_reference().ok_or_else(not_ours)?.load(y) else {
            return Err(Error::internal("a gradient check of a u32 range"));
        };
        if out.len() != upstream.len() {
            return Err(Error::internal(format!("{} upstream gradients for {} outputs", upstream.len(), out.len())));
        }
        Ok(out.iter().zip(upstream).map(|(y, u)| y * u).sum())
    }
}

fn length(v: &[f64]) -> f64 {
    v.iter().map(|x| x * x).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cubic(x: &[f64]) -> Result<f64> {
        Ok(x.iter().enumerate().map(|(i, x)| (i as f64 + 1.0) * x * x * x).sum())
    }

    #[test]
    fn a_true_gradient_passes_and_a_wrong_one_does_not() {
        let x = upstream(9, 3);
        let gradient: Vec<f64> = x.iter().enumerate().map(|(i, x)| 3.0 * (i as f64 + 1.0) * x * x).collect();
        let check = GradCheck::default();
        assert!(check.scalar(cubic, &x, &gradient).expect("holds").worst < 1e-8);
        let mut swapped = gradient.clone();
        swapped.swap(2, 7);
        check.scalar(cubic, &x, &swapped).expect_err("two elements are swapped");
        let halved: Vec<f64> = gradient.iter().map(|g| g / 2.0).collect();
        check.scalar(cubic, &x, &halved).expect_err("the scale is lost");
        check.scalar(cubic, &x, &[0.0; 9]).expect_err("no gradient");
        check.scalar(cubic, &x, &gradient[1..]).expect_err("one element short");
        check.scalar(|_| Ok(f64::NAN), &x, &gradient).expect_err("NaN");
    }
}
