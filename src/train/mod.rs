//! Training: sessions over resident data, recorded steps, statistics, schedules, checkpoints.

pub mod accountant;
mod batches;
pub mod checkpoint;
mod config;
mod curvature;
mod files;
mod fit;
mod graph;
mod graph_host;
mod link;
mod load;
mod masked;
mod objective;
mod optimizer;
mod order;
mod private;
mod product;
mod relabel;
mod resident;
mod schedule;
mod scored;
mod session;
mod statistics;
mod step;
mod subgraph;
mod towards;
mod watch;
pub mod weights;

pub use config::TrainConfig;
pub use curvature::GaussNewton;
pub use files::{sha256, write_atomic};
pub use fit::{EpochReport, Fit, FitState, Progress, StepReport, Term};
pub use masked::MaskedEdge;
pub use objective::objective_noise;
pub use optimizer::{OPTIMIZERS, Optimizer, OptimizerRow};
pub use order::shuffled;
pub use private::{DpConfig, Privacy, poisson_batch};
pub use product::Product;
pub use resident::Resident;
pub use schedule::{SCHEDULES, Schedule};
pub use session::{Part, Records, Session};
pub use statistics::Score;
pub use towards::Distance;

pub use crate::nn::{Model, ModelConfig};
