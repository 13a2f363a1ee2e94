use crate::engine::case::Case;

/// Every kernel of the family.
pub fn cases() -> Vec<Case> {
    Vec::new()
}
