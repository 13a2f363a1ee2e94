//! Experiments: what they read and write, training and forgetting as runs, the table they print and the page they
//! render.

pub mod cells;
pub mod claim;
pub mod compare;
pub mod config;
pub mod curve;
pub mod describe;
pub mod earlier;
pub mod effect;
pub mod evaluate;
pub mod evidence;
pub mod experiment;
pub mod experiments;
pub mod folder;
pub mod forget_run;
pub mod gradients;
pub mod hold;
pub mod influence;
pub mod info;
mod lost;
pub mod moments;
pub mod outputs;
#[cfg(feature = "report")]
pub mod pages;
pub mod purge;
pub mod ranking;
pub mod reading;
pub mod references;
pub mod refit;
#[cfg(feature = "report")]
pub mod report;
pub mod residue;
pub mod results;
pub mod retrains;
#[cfg(feature = "cli")]
pub mod schema;
pub mod stage;
#[cfg(feature = "cli")]
pub mod table;
pub mod target;
#[cfg(feature = "cli")]
pub mod templates;
pub mod train_run;
pub mod variants;
pub mod verify;
pub mod whom;
