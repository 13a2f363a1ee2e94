//! Experiments: what they read and write, training and forgetting as runs, the table they print and the page they
//! render.

pub mod cells;
pub mod claim;
pub mod compare;
pub mod config;
pub mod curve;
pub mod effect;
pub mod evaluate;
pub mod evidence;
pub mod experiment;
pub mod experiments;
pub mod folder;
pub mod forget_run;
pub mod gradients;
pub mod influence;
pub mod moments;
#[cfg(feature = "report")]
pub mod pages;
pub mod purge;
pub mod ranking;
pub mod reading;
pub mod references;
#[cfg(feature = "report")]
pub mod report;
pub mod residue;
pub mod results;
pub mod retrains;
#[cfg(feature = "cli")]
pub mod table;
pub mod target;
pub mod train_run;
pub mod variants;
pub mod verify;
