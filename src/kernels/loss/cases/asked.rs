//! Losses of shapes asked for.

use super::{softmax_case, xent_case};
use crate::kernels::asked::Op;

/// Softmax alone, and with the cross-entropy and its gradient.
pub fn asked() -> Vec<Op> {
    vec![
        Op::new("softmax", "ROWSxCLASSES", "p = softmax(z) of each row", &[1024, 10], |s| {
            Ok(vec![softmax_case((s[0], s[1]), 4.0)])
        }),
        Op::new("softmax_xent", "ROWSxCLASSES", "−log p[label], and its gradient in the logits", &[1024, 10], |s| {
            Ok(vec![xent_case((s[0], s[1]), 4.0)])
        }),
    ]
}
