//! Experiments: what they read and write, training and forgetting as runs, the table they print and the page they
//! render.

pub mod cells;
pub mod compare;
pub mod config;
pub mod curve;
pub mod evaluate;
pub mod experiment;
pub mod experiments;
pub mod folder;
pub mod forget_run;
pub mod gradients;
pub mod influence;
pub mod moments;
#[cfg(feature = "report")]
pub mod pages;
pub mod ranking;
pub mod reading;
#[cfg(feature = "report")]
pub mod report;
pub mod results;
#[cfg(feature = "cli")]
pub mod schema;
#[cfg(feature = "cli")]
pub mod table;
pub mod target;
#[cfg(feature = "cli")]
pub mod templates;
pub mod train_run;
pub mod variants;
