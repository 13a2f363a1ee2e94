//! Passes that do the work of two, on the twins. The same on each adapter in `tests/gpu/engine.rs`.

use unlearn::engine::{Engine, Recording};
use unlearn::nn::{Batch, Mode, Model, ModelConfig};

use crate::shared::fused::relu_pool;

#[test]
fn a_relu_and_the_pool_behind_it_are_one_pass_with_the_same_bits() {
    relu_pool(&mut Engine::reference()).unwrap_or_else(|e| panic!("{e}"));
    // What is left are the relus behind linear layers.
    let kernels = lenet_kernels();
    assert_eq!(kernels.iter().filter(|name| **name == "map.unary").count(), 2, "{kernels:?}");
}

/// Kernels that LeNet-5's forward pass records.
fn lenet_kernels() -> Vec<&'static str> {
    let config = ModelConfig { zoo: Some("lenet5".into()), ..Default::default() };
    let model = Model::build(&config, &[1, 28, 28], 10).expect("LeNet-5");
    let mut engine = Engine::reference();
    let (theta, x) = (engine.alloc("theta", model.layout.total()), engine.alloc("x", 2 * model.width()));
    let mut rec = Recording::new(engine.target());
    let batch = Batch::dense(x.expect("x"), 2);
    model.forward(&mut rec, theta.expect("theta"), &batch, Mode::Eval, None).expect("a forward pass");
    rec.dispatches().map(|d| d.kernel.name).collect()
}
