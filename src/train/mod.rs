//! Training: sessions over resident data, recorded steps, statistics, schedules, checkpoints.

mod batches;
pub mod checkpoint;
mod config;
mod curvature;
mod files;
mod fisher;
mod fit;
mod gram;
mod graph;
mod graph_host;
mod link;
mod load;
mod masked;
mod norms;
mod optimizer;
mod order;
mod per_sample;
mod product;
mod resident;
mod schedule;
mod scored;
mod session;
mod statistics;
mod subgraph;
mod towards;
mod watch;
pub mod weights;

pub use config::TrainConfig;
pub use curvature::GaussNewton;
pub use files::{sha256, write_atomic};
pub use fisher::Footprint;
pub use fit::{EpochReport, Fit, FitState, Progress, StepReport, Term};
pub use masked::MaskedEdge;
pub use optimizer::{OPTIMIZERS, Optimizer, OptimizerRow};
pub use order::shuffled;
pub use product::Product;
pub use resident::Resident;
pub use schedule::{SCHEDULES, Schedule};
pub use session::{Part, Records, Session};
pub use statistics::Score;
pub use towards::Distance;

pub use crate::nn::{Model, ModelConfig};
