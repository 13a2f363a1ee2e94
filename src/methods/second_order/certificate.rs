//! The account of a certified removal: what a Newton step may leave of the new objective's gradient, and how much of
//! that a noisy objective hides.
//!
//! The objective of n records with rows x̃ = (x, 1) and weights W, θ all of them, is, as a sum,
//!
//! L(θ) = Σ_i ℓ(W x̃_i, y_i) + (λ n / 2) ‖θ‖² + bᵀθ,   b ~ N(0, σ² I).
//!
//! If the gradient of L over the retained records is no longer than β at the released parameters, they are (ε, δ)
//! indistinguishable from those of a retrain as long as β ≤ σ ε / √(2 ln(1.5 / δ)) (Guo, Goldstein, Hannun & van der
//! Maaten, "Certified data removal from machine learning models", ICML 2020, theorem 3).
//!
//! **Bound of a Newton step, K classes.** Let a_i = S x̃_i be the change of record i's logits by the step S, p the
//! softmax and P = diag(p) − ppᵀ its derivative. By Taylor's formula the gradient after the step is what the linear
//! system was left with plus Σ_i e_i x̃_iᵀ, e_i = ∫₀¹ (1 − t) D P(z_i + t a_i)\[a_i\] a_i dt. D P(z)\[a\] a · v is the
//! third derivative of log Σ exp in the directions a, a, v: the third joint cumulant κ(a, a, v) of the class under p. κ
//! is a symmetric trilinear form, so that its largest value over unit a and v is that of |κ(a, a, a)| = |E (a − E a)³|
//! over unit a (Banach 1938). For a given mean, the third central moment is linear in the distribution, so an extreme
//! one has two values; at a distance d with weights q and 1 − q it is d³ q (1 − q) (1 − 2q) ≤ d³ / (6√3), and d ≤ √2
//! ‖a‖. Hence ‖e_i‖ ≤ (γ / 2) ‖a_i‖² with
//!
//! γ = 2√2 / (6√3) = √2 / (3√3) ≈ 0.2722,
//!
//! which two classes attain. A constant added to all logits changes nothing, so that a_i may be taken less its mean.
//! With X̃ the matrix of rows x̃_i, ‖Σ_i e_i x̃_iᵀ‖ ≤ ‖X̃‖₂ (Σ_i ‖e_i‖²)^½.

use serde::{Deserialize, Serialize};

use crate::statistics::Moments;

/// γ: how fast the softmax's derivative turns, in the spectral norm per unit of logits.
pub fn softmax_lipschitz() -> f64 {
    2f64.sqrt() / (3.0 * 3f64.sqrt())
}

/// An upper bound of what a Newton step leaves of the sum's gradient besides the linear system's residual: `spectral`
/// is at least ‖X̃‖₂, `changes` [records, classes] the logits' changes by the step.
pub fn newton_bound(spectral: f64, changes: &[f32], classes: usize) -> f64 {
    let half = 0.5 * softmax_lipschitz();
    let square = |row: &[f32]| {
        let mean = row.iter().map(|v| f64::from(*v)).sum::<f64>() / classes as f64;
        row.iter().map(|v| (f64::from(*v) - mean).powi(2)).sum::<f64>()
    };
    let squares = changes.chunks(classes.max(1)).map(|row| (half * square(row)).powi(2));
    spectral * squares.sum::<f64>().sqrt()
}

/// Squarings of a matrix of moments at most; each costs side³ multiplications on the host.
const SQUARINGS: usize = 4;

/// Sides up to which a matrix of moments is squared.
const LARGEST_SIDE: usize = 1200;

/// An upper bound of ‖X̃‖₂: λ_max(A) ≤ tr(A^2k)^(1/2k) = ‖A^k‖_F^(1/k) for A = X̃ᵀX̃ and k = 2, 4, 8 …, at most
/// side^(1/2k) too large; for wide records tr A. To A comes what rounding can have made of it: n f32 sums err by no
/// more than n 2⁻²⁴ tr A.
pub fn spectral_bound(moments: &Moments, records: usize) -> f64 {
    let (side, trace) = (moments.side, moments.trace());
    if trace <= 0.0 {
        return 0.0;
    }
    let rounding = records as f64 * 2f64.powi(-24) * trace;
    if side > LARGEST_SIDE {
        return (trace + rounding).sqrt();
    }
    // Powers of A / trace, whose eigenvalues are at most 1, with the logarithm of what was taken out.
    let mut power: Vec<f64> = moments.values.iter().map(|v| v / trace).collect();
    let (mut taken, mut k) = (0.0, 1.0);
    for _ in 0..SQUARINGS {
        power = squared(&power, side);
        let norm = frobenius(&power);
        power.iter_mut().for_each(|v| *v /= norm);
        (taken, k) = (2.0 * taken + norm.ln(), 2.0 * k);
    }
    let largest = trace * ((frobenius(&power).ln() + taken) / k).exp();
    (largest + rounding).sqrt()
}

fn frobenius(a: &[f64]) -> f64 {
    a.iter().map(|v| v * v).sum::<f64>().sqrt()
}

/// A² of a symmetric A.
fn squared(a: &[f64], side: usize) -> Vec<f64> {
    let row = |i: usize| &a[i * side..(i + 1) * side];
    let mut square = vec![0.0; side * side];
    for i in 0..side {
        for j in i..side {
            let v: f64 = row(i).iter().zip(row(j)).map(|(x, y)| x * y).sum();
            (square[i * side + j], square[j * side + i]) = (v, v);
        }
    }
    square
}

/// What removals on one objective may spend, and have spent. Goes from run to run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Certificate {
    /// ε that all removals together may spend.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0)))]
    pub epsilon: f64,
    /// δ that all removals together may spend.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0)))]
    pub delta: f64,
    /// σ of b.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0)))]
    pub sigma: f64,
    /// λ, per record.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0)))]
    pub lambda: f64,
    /// σ ε / √(2 ln(1.5 / δ)).
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0)))]
    pub budget: f64,
    /// Gradient that training left, which a retrain leaves too, and what each request since then may have left.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0)))]
    pub spent: f64,
    /// Requests since the last training.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "requests")))]
    pub requests: usize,
    /// Seed of b.
    pub noise_seed: u64,
}

impl Certificate {
    /// A certificate after training that left a gradient of `residual` (of the sum).
    pub fn new(epsilon: f64, delta: f64, sigma: f64, lambda: f64, noise_seed: u64, residual: f64) -> Certificate {
        let budget = sigma * epsilon / (2.0 * (1.5 / delta).ln()).sqrt();
        Certificate { epsilon, delta, sigma, lambda, budget, spent: residual, requests: 0, noise_seed }
    }

    /// The certificate after one more request; none if that is beyond the budget.
    pub fn spend(&self, residual: f64) -> Option<Certificate> {
        let spent = self.spent + residual;
        // What is not a number is beyond any budget.
        (spent <= self.budget).then(|| Certificate { spent, requests: self.requests + 1, ..self.clone() })
    }
}
