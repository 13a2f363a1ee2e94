//! Edits of lengths asked for.

use super::dampen_case;
use crate::kernels::asked::Op;

/// The edit of selective synaptic dampening.
pub fn asked() -> Vec<Op> {
    vec![Op::of_length("dampen", "θ shrinks where forget > α full: selective synaptic dampening", |n| {
        dampen_case(n, 1.5, 1.0)
    })]
}
