//! The coupling itself, of any chain of noisy steps: which steps are looked at, which are kept, which one is reflected.
//!
//! A step of the training on D draws a batch b and ξ ~ N(ḡ, σ² I), ḡ the mean clipped gradient over b. Without the
//! records Z it would draw a batch of D∖Z and ξ ~ N(ḡ', σ² I). Records of Z in b replaced by uniformly drawn others
//! give a uniform batch of D∖Z; given both batches, ξ is kept with probability min(1, φ'(ξ) / φ(ξ)), and otherwise
//! reflected: ξ' = ḡ' + (I − 2uuᵀ)(ξ − ḡ), u the direction of Δ = ḡ' − ḡ. That is a maximal coupling of the two normal
//! laws (Bou-Rabee, Eberle & Zimmer, Ann. Appl. Probab. 30(3), 2020): ξ' is an exact draw, and other than ξ with
//! probability TV = 2Φ(‖Δ‖ / 2σ) − 1 alone. As long as every ξ is kept, iterates are the training's; from the first
//! that is not, the rest is drawn anew. Fresh noise in the place of the reflection would be another law.

use crate::base::erf;
use crate::error::Result;

/// What the decision on a step goes by: n·Δ and ‖Δ‖², n = ξ − ḡ.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moved {
    /// n·Δ.
    pub dot: f64,
    /// ‖Δ‖².
    pub square: f64,
}

/// What becomes of a step's ξ.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Decision {
    /// It is kept.
    Keep,
    /// It becomes ξ + `along` Δ, the reflection.
    Turn {
        /// 1 − 2 n·Δ / ‖Δ‖².
        along: f64,
    },
}

/// Decides on a step by a uniform number in (0, 1). Without noise (`sigma` = 0) only Δ = 0 is kept.
pub fn decide(Moved { dot, square }: Moved, sigma: f64, coin: f64) -> Decision {
    if square == 0.0 {
        return Decision::Keep;
    }
    if sigma == 0.0 {
        return Decision::Turn { along: 1.0 };
    }
    // ln φ'(ξ) − ln φ(ξ) = (‖n‖² − ‖n − Δ‖²) / 2σ².
    match coin.ln() < (2.0 * dot - square) / (2.0 * sigma * sigma) {
        true => Decision::Keep,
        false => Decision::Turn { along: 1.0 - 2.0 * dot / square },
    }
}

/// The probability that a step with this Δ is not kept: the total variation between both normal laws.
pub fn variation(square: f64, sigma: f64) -> f64 {
    match (square > 0.0, sigma > 0.0) {
        (false, _) => 0.0,
        (true, false) => 1.0,
        (true, true) => erf(square.sqrt() / (8f64.sqrt() * sigma)),
    }
}

/// An upper bound of the probability that anything is computed anew, for `gone` records of `records`, before anything
/// is looked at: the sum over all steps of E\[TV\], where TV is concave in the number of replaced records, each of
/// which moves the mean by at most 2 `clip` / `batch`.
pub fn bound(steps: u64, batch: usize, records: usize, gone: usize, clip: f64, sigma: f64) -> f64 {
    let shift = 2.0 * clip / batch as f64;
    let replaced = batch as f64 * gone as f64 / records.max(1) as f64;
    (steps as f64 * replaced * variation(shift * shift, sigma)).min(1.0)
}

/// A chain whose steps can be looked at again.
pub trait Chain {
    /// n·Δ and ‖Δ‖² of step `step`, whose batch is `now` and would be `then`, at the iterate that the step began with.
    ///
    /// # Errors
    /// Its own.
    fn compare(&mut self, step: u64, now: &[u32], then: &[u32]) -> Result<Moved>;

    /// Keeps the ξ of the step that was compared last, which now is one of `then`.
    ///
    /// # Errors
    /// Its own.
    fn keep(&mut self, step: u64, then: Vec<u32>) -> Result<()>;

    /// Takes the step that was compared last with ξ + `along` Δ, and all steps behind it anew.
    ///
    /// # Errors
    /// Its own.
    fn turn(&mut self, step: u64, then: Vec<u32>, along: f64) -> Result<()>;
}

/// How a coupling went.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Went {
    /// Steps with forgotten records that were looked at.
    pub looked_at: u64,
    /// Records that were replaced in them.
    pub replaced: u64,
    /// The step that was reflected, from 0.
    pub turned_at: Option<u64>,
    /// Σ TV of the steps that were looked at: its mean over trainings is the probability that something is computed
    /// anew (a stopped sum of the steps' own probabilities).
    pub predicted: f64,
}

/// Couples a chain step by step: `steps` are those whose batch has forgotten records, ascending, with that batch and
/// the one that has others in their place; `coin` is uniform for each step.
///
/// # Errors
/// The chain's.
pub fn couple(
    chain: &mut impl Chain,
    steps: impl Iterator<Item = (u64, Vec<u32>, Vec<u32>)>,
    sigma: f64,
    coin: impl Fn(u64) -> f64,
) -> Result<Went> {
    let mut went = Went::default();
    for (step, now, then) in steps {
        let moved = chain.compare(step, &now, &then)?;
        went.looked_at += 1;
        went.replaced += now.iter().zip(&then).filter(|(a, b)| a != b).count() as u64;
        went.predicted += variation(moved.square, sigma);
        match decide(moved, sigma, coin(step)) {
            Decision::Keep => chain.keep(step, then)?,
            Decision::Turn { along } => {
                chain.turn(step, then, along)?;
                went.turned_at = Some(step);
                break;
            }
        }
    }
    Ok(went)
}

#[cfg(test)]
mod tests;
