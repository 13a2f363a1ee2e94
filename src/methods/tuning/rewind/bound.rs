//! What noise behind a rewound training proves, where the constants of the proof are known.
//!
//! θ is trained on n records by full-batch gradient descent, b steps with the m forgotten ones and the rest without; θ'
//! is trained without them from the same start. ∇f over all n and ∇f' over the n − m retained ones differ by at most 2
//! m G / n, G the longest gradient of a record: by (1/n) Σ_F g, of norm m G / n, and by (1/n − 1/(n−m)) Σ_R g, of norm
//! (n − m) G m / (n (n − m)). A step θ − γ (∇f + λ θ) with Hessians of f between 0 and L moves two points to at most c
//! = max(|1 − γ λ|, |1 − γ (L + λ)|) times their distance, for the eigenvalues of 1 − γ (λ + H) lie between both. So
//!
//! Δ_{t+1} ≤ c_t Δ_t + γ_t 2 m G / n for t < b, Δ_{t+1} ≤ c_t Δ_t behind it, Δ_0 = 0,
//!
//! and with N(0, σ² I) on both ends the two laws are those of a Gaussian mechanism of sensitivity Δ: ε is the exact one
//! of [`crate::base::gaussian_delta`]. This is the argument of Mu & Klabjan (arXiv 2409.09778, theorem 3.1) with the
//! step's own factor in the place of 1 + γ L.
//!
//! For softmax and cross-entropy over one linear layer, x̃ = (x, 1) and R the longest x̃: a record's gradient is (p −
//! y) x̃ᵀ, ‖p − y‖ ≤ √2, so G = √2 R; its Hessian is (diag(p) − p pᵀ) ⊗ x̃ x̃ᵀ, and the eigenvalues of the first factor
//! are at most 1/2 (Böhning 1992), so L = R² / 2.

use crate::base::gaussian_epsilon;
use crate::methods::prelude::*;

/// Room for what rounding does to the measured R.
const MARGIN: f64 = 1.0 + 1e-4;

/// What is known of the steps.
pub(super) struct Known {
    /// n and m.
    pub records: [usize; 2],
    /// R.
    pub longest: f64,
    /// λ.
    pub decay: f64,
}

impl Known {
    /// Δ behind all steps, by their learning rates; the first `with` of them had the forgotten records.
    pub fn apart(&self, rates: impl IntoIterator<Item = f64>, with: u64) -> f64 {
        let (gradient, smooth) = (2f64.sqrt() * self.longest, 0.5 * self.longest * self.longest);
        let push = 2.0 * self.records[1] as f64 * gradient / self.records[0] as f64;
        let step = |apart: f64, (t, rate): (u64, f64)| {
            let factor = (1.0 - rate * self.decay).abs().max((1.0 - rate * (smooth + self.decay)).abs());
            factor * apart + if t < with { rate * push } else { 0.0 }
        };
        (0..).zip(rates).fold(0.0, step)
    }
}

/// The guarantee, or why there is none. The session's parameters are written over.
pub(super) fn certified(
    session: &mut Session,
    view: &View,
    all: &[u32],
    (with, left): (u64, u64),
    (sigma, delta): (f64, f64),
) -> Result<std::result::Result<Guarantee, String>> {
    if let Some(why) = lacks(session, view, all.len()) {
        return Ok(Err(why.into()));
    }
    let zeros = vec![0.0; session.model.layout.whole()];
    session.write_theta(&zeros)?;
    // With all parameters 0 a record's gradient has the length √(1 − 1/K) ‖x̃‖.
    let norms = statistics::norms(session, Records::before(all))?;
    let classes = session.model.classes as f64;
    let longest = norms.iter().fold(0.0f64, |most, norm| most.max(f64::from(*norm)));
    let longest = MARGIN * longest / (1.0 - 1.0 / classes).sqrt();
    let known = Known { records: [all.len(), view.forget.len()], longest, decay: view.train.weight_decay };
    let rates = (0..with + left).map(|t| view.train.lr_at(t, 1));
    let apart = known.apart(rates, with);
    let epsilon = gaussian_epsilon(delta, apart / sigma);
    let mut conditions = vec![
        format!(
            "beside a training without the records from the same start, with the same noise: the two are at most \
             {apart:.4e} apart (longest record {longest:.4}, so gradients up to {:.4} and curvature up to {:.4})",
            2f64.sqrt() * longest,
            0.5 * longest * longest
        ),
        "to the rounding of 32-bit numbers, and of 24-bit uniform numbers under the noise".into(),
        "given that the settings were chosen without the records, and that the seed of the noise stays unknown".into(),
    ];
    if view.past.base.is_some() {
        conditions.push("given that the base model did not see the records: what it knows is not forgotten".into());
    }
    Ok(Ok(Guarantee { epsilon, delta, sigma, conditions }))
}

/// What is missing for a proof.
fn lacks(session: &Session, view: &View, records: usize) -> Option<&'static str> {
    let recipe = view.train;
    let layers = session.model.layers().iter().map(|layer| layer.row()).filter(|row| !row.facts.reshape);
    let all = [
        (!session.stand_alone(), "the records are those of a graph, and reach each other's gradients"),
        (
            layers.map(|row| row.kind).ne(["linear"]),
            "the network is not one linear layer, so that no constants of its gradients and curvature hold everywhere",
        ),
        (!session.objective().softmax, "the objective is not cross-entropy over classes"),
        (view.past.method.is_some(), "the run had forgotten before, and its records count too; ask both at once"),
        (
            view.past.fitted,
            "normalisation or categories were fitted with the records; use none, row or given constants",
        ),
        (recipe.step_records() < records, "steps took a part of the records; train with batches of all of them"),
        (recipe.optimizer != "sgd" || recipe.momentum > 0.0, "steps are not plain SGD; train without momentum"),
        (recipe.clip_norm > 0.0, "train.clip_norm changes gradients; leave it out"),
        (recipe.objective_noise > 0.0, "train.objective_noise weighs otherwise with fewer records; leave it out"),
        (recipe.label_smoothing > 0.0 || recipe.class_weights.is_some(), "the loss is not the plain cross-entropy"),
        (recipe.augment.is_some(), "train.augment changes records; leave it out"),
        (!recipe.freeze.is_empty(), "train.freeze holds parameters; leave it out"),
    ];
    all.into_iter().find(|(lack, _)| *lack).map(|(_, why)| why)
}
