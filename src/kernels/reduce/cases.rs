//! Cases of the `reduce` family.

use crate::engine::case::Case;

/// The family at every shape.
pub fn cases() -> Vec<Case> {
    Vec::new()
}
