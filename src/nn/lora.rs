//! Low-rank adapters (Hu et al., "LoRA: low-rank adaptation of large language models", ICLR 2022): beside a map whose
//! own weight W [outputs, inputs] stays as it is, (alpha / rank) B A is learned, with B at 0 in the beginning. Names
//! are those of PEFT. An adapter can be merged into W, or taken away, which leaves the network that it was put beside.

use serde::{Deserialize, Serialize};

use crate::base::single;
use crate::error::{Error, Result};

/// An adapter beside a map.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Lora {
    /// Rows of A and columns of B.
    #[cfg_attr(feature = "cli", schemars(range(min = 1)))]
    pub rank: usize,
    /// What B A counts for is this over the rank.
    #[cfg_attr(feature = "cli", schemars(extend("exclusiveMinimum" = 0)))]
    pub alpha: f64,
}

/// A map with an adapter beside it.
pub struct Adapted {
    /// Stem of the map's and the adapter's parameters.
    pub name: String,
    /// The map's weight is [inputs, outputs].
    pub transposed: bool,
    /// What is beside it.
    pub lora: Lora,
}

/// Whether a parameter is an adapter's.
pub fn is_adapter(parameter: &str) -> bool {
    parameter.ends_with(".lora_A.weight") || parameter.ends_with(".lora_B.weight")
}

impl Lora {
    pub(super) fn scale(self) -> f32 {
        (self.alpha / self.rank as f64) as f32
    }

    /// # Errors
    /// A rank of 0; a factor that is no number of 32 bits above 0.
    pub(super) fn check(self, layer: &str) -> Result<()> {
        match self.rank > 0 && self.alpha > 0.0 && single(self.alpha / self.rank as f64) {
            true => Ok(()),
            false => Err(Error::input(format!(
                "layer `{layer}`: lora needs a rank of 1 or more and an alpha above 0; they are {} and {}",
                self.rank, self.alpha
            ))),
        }
    }
}
