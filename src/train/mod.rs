//! Training: sessions over resident data, recorded steps, statistics, schedules, checkpoints.

mod batches;
pub mod checkpoint;
mod config;
mod curvature;
mod factors;
mod files;
mod fit;
mod graph;
mod graph_host;
mod importance;
mod link;
mod load;
mod masked;
mod optimizer;
mod order;
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
mod woodbury;

pub use config::TrainConfig;
pub use curvature::GaussNewton;
pub use factors::Kfac;
pub use files::{sha256, write_atomic};
pub use fit::{EpochReport, Fit, FitState, Progress, StepReport, Term};
pub use importance::{Estimator, Importance, Set};
pub use masked::MaskedEdge;
pub use optimizer::{OPTIMIZERS, Optimizer, OptimizerRow};
pub use order::shuffled;
pub use product::Product;
pub use resident::Resident;
pub use schedule::{SCHEDULES, Schedule};
pub use session::{Part, Records, Session};
pub use statistics::Score;
pub use towards::Distance;
pub use woodbury::{Blocks, Damping, Woodbury};

pub use crate::nn::{Model, ModelConfig};
