//! Networks: layers that record their forward and backward pass, one flat parameter vector, weight-gradient sinks.

mod activation;
mod conv;
mod dropout;
mod flatten;
mod init;
mod layer;
mod linear;
mod model;
mod norm;
mod params;
mod pool;
mod residual;
mod sequence;
mod sink;
mod zoo;

pub use layer::{Backward, Forward, Layer, LayerRow, Mode, Saved, parse_layer};
pub use model::{Model, ModelConfig, Tape};
pub use params::{Init, ParamEntry, ParamLayout, ParamSpec};
pub use sink::Sink;
pub use zoo::{ZOO, ZooRow};

/// Every layer, in the order in which `unlearn list layers` prints them.
pub static LAYERS: &[&LayerRow] = &[
    &linear::ROW,
    &conv::ROW,
    &activation::RELU,
    &activation::GELU,
    &activation::TANH,
    &activation::SIGMOID,
    &activation::ELU,
    &pool::MAX,
    &pool::AVG,
    &pool::GLOBAL_AVG,
    &flatten::ROW,
    &dropout::ROW,
    &norm::GROUP,
    &norm::LAYER,
    &residual::ROW,
];
