//! Networks: layers that record their forward and backward pass, one flat parameter vector, weight-gradient sinks.

mod activation;
mod adaptive_pool;
mod batch;
mod batch_norm;
mod cheb_conv;
mod concat;
mod continued;
mod conv;
mod conv1d;
mod deletion;
mod dense;
mod dropout;
mod edges;
mod embedding;
pub mod factors;
mod flatten;
mod fold;
mod gat_conv;
mod gatv2_conv;
mod gin_conv;
mod graph_conv;
mod heads;
mod init;
mod inputs;
mod jumping;
mod keep;
mod keys;
mod layer;
mod linear;
mod lora;
mod model;
mod norm;
mod pad_channels;
mod params;
mod pass;
mod pool;
mod position_embedding;
mod project;
mod readout;
mod residual;
pub mod rotation;
mod sage_conv;
mod self_attention;
mod sequence;
mod side;
mod sink;
mod squeeze_excite;
pub mod structure;
mod swiglu;
mod transformer_conv;
mod unadapted;
mod zoo;

pub use batch::{Batch, Input};
pub use continued::Continued;
pub use fold::folded;
pub use inputs::{FeatureColumn, InputConfig, Kind};
pub use keys::{Described, Keys};
pub use layer::{Elementwise, Facts, Family, Layer, LayerRow, Rows, SparseInput, parse_layer};
pub use lora::{Adapted, Lora, is_adapter};
pub use model::{Model, ModelConfig, Tape};
pub use params::{Init, ParamEntry, ParamLayout, ParamSpec, Values};
pub use pass::{Backward, Forward, Mode, ReluBefore, ReluBehind, Saved};
pub use sink::{Head, Kept, Sink, SquaredNorms, add_products};
pub use unadapted::unadapted;
pub use zoo::{Norm, Sizes, ZOO, ZooRow};

/// Every layer, in the order in which `unlearn list layers` prints them.
pub static LAYERS: &[&LayerRow] = &[
    &linear::ROW,
    &linear::TRANSPOSED,
    &conv::ROW,
    &conv1d::ROW,
    &activation::RELU,
    &activation::GELU,
    &activation::GELU_TANH,
    &activation::TANH,
    &activation::SIGMOID,
    &activation::ELU,
    &activation::SILU,
    &activation::LEAKY_RELU,
    &activation::SOFTPLUS,
    &activation::HARD_SWISH,
    &activation::RELU6,
    &pool::MAX,
    &pool::AVG,
    &pool::GLOBAL_AVG,
    &adaptive_pool::ROW,
    &flatten::FLATTEN,
    &flatten::IDENTITY,
    &dropout::ROW,
    &norm::GROUP,
    &norm::LAYER,
    &norm::RMS,
    &batch_norm::ROW,
    &residual::ROW,
    &pad_channels::ROW,
    &concat::ROW,
    &embedding::ROW,
    &position_embedding::ROW,
    &self_attention::ROW,
    &swiglu::ROW,
    &squeeze_excite::ROW,
    &graph_conv::GCN,
    &graph_conv::SGC,
    &sage_conv::ROW,
    &gat_conv::ROW,
    &gatv2_conv::ROW,
    &transformer_conv::ROW,
    &jumping::ROW,
    &gin_conv::ROW,
    &cheb_conv::ROW,
    &deletion::ROW,
    &readout::ROW,
];
