//! Cases of the `map` family.

use crate::engine::case::Case;

/// The family at every shape.
pub fn cases() -> Vec<Case> {
    Vec::new()
}
