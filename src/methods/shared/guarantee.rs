//! What noise proves of a method's result.

use serde::{Deserialize, Serialize};

/// (ε, δ) with the conditions under which it holds: for every set A of models, P(A) ≤ e^ε Q(A) + δ and the other way
/// round, P the law of the result and Q that of a model which never saw the forgotten records.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Guarantee {
    /// ε.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0)))]
    pub epsilon: f64,
    /// δ of that ε.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0, "maximum" = 1)))]
    pub delta: f64,
    /// Standard deviation of the noise on each parameter, each time that there is noise.
    #[cfg_attr(feature = "cli", schemars(extend("minimum" = 0)))]
    pub sigma: f64,
    /// What Q is, and what has to hold; what the code cannot check begins with "given that".
    pub conditions: Vec<String>,
}

impl Guarantee {
    /// Its conditions with the numbers before them.
    pub fn said(&self) -> Vec<String> {
        let numbers = format!("(ε, δ) = ({:.4}, {:e}), noise of σ = {:.4e}", self.epsilon, self.delta, self.sigma);
        std::iter::once(numbers).chain(self.conditions.iter().cloned()).collect()
    }
}
