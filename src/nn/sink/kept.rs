//! What a pass of norms keeps for a weighted sum of the records' gradients.

use super::super::params::ParamLayout;
use crate::engine::Buf;
use crate::kernels::conv::ConvShape;

/// What the records' gradients in one parameter are made of.
#[derive(Clone, Copy, Debug)]
pub(super) enum Made {
    /// Each record's own gradient, a row of [records, elements].
    Rows(Buf<f32>),
    /// dy_n x_nᵀ for x [records, inputs] and dy [records, outputs].
    Dense { x: Buf<f32>, dy: Buf<f32>, sizes: [usize; 2] },
    /// A convolution's weight gradient.
    Conv { shape: ConvShape, x: Buf<f32>, dy: Buf<f32> },
    /// There are none.
    Nothing,
}

/// What a pass of [`Sink::Norms`](super::Sink::Norms) keeps of every parameter for a weighted sum.
#[derive(Clone, Debug)]
pub struct Kept {
    pub(super) records: usize,
    pub(super) parts: Vec<(String, Made)>,
}

impl Kept {
    /// Nothing yet, for a batch of so many records.
    pub(crate) fn of(records: usize) -> Kept {
        Kept { records, parts: Vec::new() }
    }

    /// Keeps what the records' gradients in the parameter `name` are made of.
    pub(super) fn keep(&mut self, name: &str, made: Made) {
        self.parts.push((name.to_owned(), made));
    }

    /// True where every parameter was kept. Those of sparse features, and of records that are many rows, are not.
    pub fn is_whole(&self, layout: &ParamLayout) -> bool {
        layout.entries().iter().all(|e| self.parts.iter().any(|(name, _)| *name == e.name))
    }
}
