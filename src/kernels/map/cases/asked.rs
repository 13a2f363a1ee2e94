//! Elementwise work of lengths asked for.

use super::{Binary, Unary, axpby_case, binary_case, unary_bwd_case, unary_case};
use crate::kernels::asked::Op;

/// Activations, their derivatives, sums.
pub fn asked() -> Vec<Op> {
    vec![
        Op::of_length("relu", "y = max(x, 0)", |n| unary_case(Unary::Relu, n)),
        Op::of_length("relu_bwd", "dx = dy where x > 0", |n| unary_bwd_case(Unary::Relu, n)),
        Op::of_length("gelu", "y = x Φ(x)", |n| unary_case(Unary::Gelu, n)),
        Op::of_length("add", "y = a + b", |n| binary_case(Binary::Add, n)),
        Op::of_length("axpby", "y = x + y", |n| axpby_case(n, 1.0, 1.0)),
    ]
}
