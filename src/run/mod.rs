//! Experiments: what they read and write, training and forgetting as runs, the table they print and the page they
//! render.

mod asked;
pub mod audit;
pub mod cells;
pub mod claim;
pub mod compare;
pub mod config;
#[cfg(feature = "report")]
pub mod contest;
pub mod curve;
mod deltas;
pub mod describe;
pub mod earlier;
pub mod effect;
pub mod ensemble;
pub mod evaluate;
pub mod evidence;
pub mod experiment;
pub mod experiments;
pub mod export;
pub mod first_step;
pub mod folder;
pub mod follow;
pub mod forget_run;
pub mod generate;
pub mod gradients;
pub mod guess;
pub mod hold;
pub mod import;
pub mod in_order;
pub mod influence;
pub mod info;
pub mod jobs;
mod kept;
pub mod lineage;
mod lost;
pub mod moments;
pub mod naming;
pub mod outputs;
#[cfg(all(feature = "ledger", feature = "report"))]
pub mod pack;
#[cfg(feature = "report")]
pub mod pages;
pub mod pictures;
pub mod predict;
pub mod prove;
pub mod purge;
pub mod ranking;
pub mod reading;
pub mod references;
pub mod refit;
#[cfg(feature = "report")]
pub mod report;
#[cfg(all(feature = "ledger", feature = "report"))]
pub mod requests;
pub mod residue;
pub mod results;
pub mod retrains;
#[cfg(feature = "cli")]
pub mod schema;
pub mod stage;
pub mod standings;
mod summary;
#[cfg(feature = "cli")]
pub mod table;
pub mod target;
#[cfg(feature = "cli")]
pub mod templates;
pub mod train_run;
pub mod tune;
pub mod tuned;
pub mod variants;
pub mod verify;
pub mod whom;
pub mod written;
