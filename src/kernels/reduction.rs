//! What a kernel makes of the results of single samples: the gradients of weights, biases, scales and shifts all end in
//! one.

use crate::engine::{Arguments, Buf};

/// What becomes of the results g\[n\] of the samples n.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReductionMode {
    /// `out = alpha Σ_n g[n] + beta out`.
    Sum,
    /// `out = alpha Σ_n g[n]² + beta out`, elementwise, of each sample's whole result.
    SquareSum,
    /// `out[n stride ..] = g[n]`; alpha and beta play no part.
    PerSample,
}

/// A mode with its factors.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reduction {
    /// What is done with each record's share.
    pub mode: ReductionMode,
    /// Factor on it.
    pub alpha: f32,
    /// 0 overwrites `out`, 1 accumulates into it.
    pub beta: f32,
    /// Elements from one sample's result to the next's, for `PerSample`.
    pub stride: usize,
}

impl Default for Reduction {
    /// The plain sum.
    fn default() -> Self {
        Reduction { mode: ReductionMode::Sum, alpha: 1.0, beta: 0.0, stride: 0 }
    }
}

impl Reduction {
    /// Each sample's result by itself, `stride` elements apart.
    pub fn per_sample(stride: usize) -> Reduction {
        Reduction { mode: ReductionMode::PerSample, stride, ..Reduction::default() }
    }

    /// Adds to a record function's checks that results of this shape from `n` samples have their place in `out`.
    pub(super) fn fits<'r>(
        &self,
        checks: Arguments<'r>,
        name: &str,
        out: Buf<f32>,
        n: usize,
        shape: &[usize],
    ) -> Arguments<'r> {
        let size = shape.iter().fold(1, |size: usize, d| size.saturating_mul(*d));
        match self.mode {
            ReductionMode::PerSample => checks.strided(name, out, [n, size], self.stride),
            ReductionMode::Sum | ReductionMode::SquareSum => checks.shape(name, out, shape),
        }
    }
}
