//! Networks: layers that record their forward and backward pass, one flat parameter vector, weight-gradient sinks.

mod activation;
mod batch;
mod batch_norm;
mod cheb_conv;
mod concat;
mod conv;
mod deletion;
mod dropout;
mod embedding;
pub mod factors;
mod flatten;
mod gat_conv;
mod gin_conv;
mod graph_conv;
mod init;
mod inputs;
mod keys;
mod layer;
mod linear;
mod model;
mod norm;
mod params;
mod pool;
mod project;
mod readout;
mod residual;
pub mod rotation;
mod sage_conv;
mod sequence;
mod sink;
pub mod structure;
mod zoo;

pub use batch::{Batch, Input};
pub use inputs::{FeatureColumn, InputConfig, Kind};
pub use keys::{Described, Keys};
pub use layer::{
    Backward, Elementwise, Facts, Family, Forward, Layer, LayerRow, Mode, ReluBefore, ReluBehind, Rows, Saved,
    SparseInput, parse_layer,
};
pub use model::{Model, ModelConfig, Tape};
pub use params::{Init, ParamEntry, ParamLayout, ParamSpec, Values};
pub use sink::{Kept, Sink, SquaredNorms, add_products};
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
    &batch_norm::ROW,
    &residual::ROW,
    &concat::ROW,
    &embedding::ROW,
    &graph_conv::GCN,
    &graph_conv::SGC,
    &sage_conv::ROW,
    &gat_conv::ROW,
    &gin_conv::ROW,
    &cheb_conv::ROW,
    &deletion::ROW,
    &readout::ROW,
];
