//! Optimisers of lengths asked for.

use super::{Adam, Sgd, adam_case, sgd_case};
use crate::kernels::asked::Op;

/// Three steps each, as in the tests.
pub fn asked() -> Vec<Op> {
    vec![
        Op::of_length("sgd", "three steps with momentum and weight decay", |n| {
            sgd_case(n, Sgd { momentum: 0.9, weight_decay: 5e-4, nesterov: false })
        }),
        Op::of_length("adam", "three steps", |n| adam_case(n, Adam::default())),
    ]
}
