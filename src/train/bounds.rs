//! Where a fit may move parameters.

use crate::engine::Buf;

/// Parameters that a fit may not move.
#[derive(Clone, Copy)]
pub(crate) struct Bounds {
    /// 1 where it may, else 0.
    pub mask: Buf<f32>,
    /// What the others are.
    pub origin: Buf<f32>,
}
