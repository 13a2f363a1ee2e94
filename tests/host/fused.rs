//! Passes that do the work of two, on the twins. The same on each adapter in `tests/gpu/engine.rs`.

use unlearn::engine::Engine;

use crate::shared::fused::{lenet_kernels, relu_pool};

#[test]
fn a_relu_and_the_pool_behind_it_are_one_pass_with_the_same_bits() {
    relu_pool(&mut Engine::reference()).unwrap_or_else(|e| panic!("{e}"));
    // What is left are the relus behind linear layers.
    let kernels = lenet_kernels();
    assert_eq!(kernels.iter().filter(|name| **name == "map.unary").count(), 2, "{kernels:?}");
}
