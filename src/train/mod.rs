//! Training: fits of recorded steps, optimisers, schedules, private training, checkpoints.

pub mod accountant;
mod batches;
mod best;
mod bounds;
pub mod checkpoint;
mod config;
pub mod coupled;
mod course;
mod fit;
mod freeze;
mod kept;
mod objective_noise;
mod optimizer;
mod order;
mod prepare;
mod private;
mod progress;
mod ranks;
mod replay;
mod schedule;
pub mod stack;
mod step;
mod stopping;
mod to_end;
mod together;
mod watch;
pub mod weights;

pub use config::TrainConfig;
pub use coupled::CoupledConfig;
pub use fit::{Fit, Term};
pub use objective_noise::objective_noise;
pub use optimizer::{OPTIMIZERS, Optimizer, OptimizerRow};
pub use order::shuffled;
pub use private::{DpConfig, Privacy, poisson_batch};
pub use progress::{Best, EpochReport, FitState, Progress, StepReport};
#[cfg(feature = "mpi")]
pub use ranks::Mpi;
pub use ranks::Ranks;
pub use replay::Replay;
pub use schedule::{OneCycle, SCHEDULES, Schedule};
pub use stopping::{EarlyStopping, Monitor};
pub use to_end::{Flow, Observer, fit_to_end, train_to_end};
