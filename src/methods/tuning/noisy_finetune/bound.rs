//! How much noise it takes until a fine-tuning has forgotten where it began.
//!
//! Take two runs of one noisy fine-tuning on the retained records, x from the model that saw the forgotten ones, y from
//! any other that did not. Batches, dropout and learning rates are the same functions of seed and step in both, and no
//! step reads a forgotten record: whatever the forgotten ones have left in x lies in the start alone. How well one can
//! tell the last iterates apart bounds how well one can tell what was forgotten. (Koloskova, Allouah, Jha, Guerraoui &
//! Koyejo, ICML 2025, arXiv 2506.06985, who need nothing of the loss.)
//!
//! **Gradient clipping** (their theorem 4.1). x₀ is clipped to norm C₀; a step is φ(x) = s x − γ clip(g(x), C₁), s = 1
//! − γ λ in (0, 1], and then x' = φ(x) + N(0, σ² I). For any x and y, whatever g is,
//!
//! ‖φ(x) − φ(y)‖ ≤ s ‖x − y‖ + 2 γ C₁.
//!
//! Let D_α^(z)(X ‖ Y) be the least Rényi divergence D_α(X' ‖ Y) over all X' with ‖X − X'‖ ≤ z almost surely (Feldman,
//! Mironov, Talwar & Thakurta, FOCS 2018). It is 0 at z₀ = 2 C₀ before the first step. A step changes it in two ways.
//! (a) If X' is within z of X, φ(X') is within s z + 2 γ C₁ of φ(X), and D_α falls under a map: so D^(s z + 2 γ
//! C₁)(φ(X) ‖ φ(Y)) ≤ D^(z)(X ‖ Y). (b) With X' within z + a of X there is a split X − X' = u + v, ‖u‖ ≤ z, ‖v‖ ≤ a;
//! X' + v + N is within z of X + N, and given X' the law of v + N is at a divergence of at most α a² / (2 σ²) from that
//! of N; the divergence of a pair (X', noise) is at most D(X' ‖ Y) plus the largest of the noise's given the first, and
//! adding both up is a map: D^(z)(X + N ‖ Y + N) ≤ D^(z + a)(X ‖ Y) + α a² / (2 σ²). Giving up a_t behind step t, all
//! of what there is by the end, z_t = s z_{t−1} + 2 γ C₁ − a_t with z_T = 0:
//!
//! Σ s^{T−t} a_t = Z = s^T 2 C₀ + 2 γ C₁ (1 + s + … + s^{T−1}).
//!
//! Σ a_t² is least, by Cauchy and Schwarz, with a_t in proportion to s^{T−t}: Z² / Σ s^{2 (T−t)}. No z_t is then below
//! 0: 2 γ C₁ − a_t falls with t, so that once z falls below 0 it stays there, and z_T is 0. Hence D_α ≤ α ρ for all α >
//! 1 and, by symmetry, in both directions, with
//!
//! ρ = Z² / (2 σ² Σ_{j<T} s^{2j}); without decay 2 (C₀ + T γ C₁)² / (σ² T).
//!
//! **To (ε, δ)** (Bun & Steinke, TCC 2016, proposition 1.3). With L the logarithm of the densities' ratio under P, P(A)
//! ≤ e^ε Q(A) + P(L > ε), and by Markov's inequality P(L > ε) ≤ e^{(α−1)(D_α − ε)} ≤ e^{(α−1)(α ρ − ε)}, least at α =
//! (ε + ρ) / 2ρ: e^{−(ε−ρ)²/4ρ}. That is δ where ε = ρ + 2 √(ρ ln(1/δ)), or √ρ = √(ln(1/δ) + ε) − √ln(1/δ).
//!
//! **Model clipping** (their theorem 4.3, without noise on the start). A step is K(x) = clip(φ(x), C₂) + N(0, σ² I), φ
//! anything. For γ = e^ε let E(P ‖ Q) = sup_A P(A) − γ Q(A), the least δ. Then E(P K ‖ Q K) ≤ η E(P ‖ Q), η the largest
//! E of K from two points (Asoodeh, Diaz & Calmon, ISIT 2020): with the positive and the negative part of P − γ Q,
//! whose masses are E and E + γ − 1 ≥ γ E, the positive part of their difference behind K is at most that of E (μ K − γ
//! ν K) for laws μ and ν, and E is jointly convex. Two clipped points are at most 2 C₂ apart, so that η = δ(ε) of
//! normal laws at 2 C₂ / σ, and as E ≤ 1 for any two starts,
//!
//! δ = η^T.

use crate::base::{gaussian_delta, gaussian_shift};

/// Steps with clipped gradients.
#[derive(Clone, Copy, Debug)]
pub struct Steps {
    /// T.
    pub count: u64,
    /// γ.
    pub lr: f64,
    /// λ; γ λ is below 1.
    pub decay: f64,
    /// C₀.
    pub radius: f64,
    /// C₁.
    pub clip: f64,
}

impl Steps {
    /// ρ σ²: what the divergence comes to under noise of 1.
    pub fn budget(&self) -> f64 {
        let s = 1.0 - self.lr * self.decay;
        let (mut reach, mut squares, mut power) = (0.0, 0.0, 1.0);
        for _ in 0..self.count {
            (reach, squares, power) = (reach + power, squares + power * power, power * s);
        }
        let z = 2.0 * (power * self.radius + self.lr * self.clip * reach);
        z * z / (2.0 * squares)
    }

    /// The least σ that gives (ε, δ).
    pub fn sigma(&self, epsilon: f64, delta: f64) -> f64 {
        (self.budget() / rho(epsilon, delta)).sqrt()
    }

    /// How many steps of this kind need the least noise: C₀ / γ C₁, where the start is as far as what steps can add.
    pub fn best(radius: f64, lr: f64, clip: f64) -> u64 {
        (radius / (lr * clip)).ceil().clamp(1.0, 1e6) as u64
    }
}

/// The largest ρ that gives (ε, δ).
pub fn rho(epsilon: f64, delta: f64) -> f64 {
    let log = (1.0 / delta).ln();
    // √(a + ε) − √a, without the digits that the difference loses.
    (epsilon / ((log + epsilon).sqrt() + log.sqrt())).powi(2)
}

/// The least σ with which `count` steps into a ball of `radius` give (ε, δ).
pub fn model_sigma(count: u64, radius: f64, epsilon: f64, delta: f64) -> f64 {
    2.0 * radius / gaussian_shift(epsilon, delta.powf(1.0 / count as f64))
}

/// The δ of those steps with another σ.
pub fn model_delta(count: u64, radius: f64, sigma: f64, epsilon: f64) -> f64 {
    gaussian_delta(epsilon, 2.0 * radius / sigma).powf(count as f64)
}
