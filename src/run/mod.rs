//! Experiments: what they read and write, training and forgetting as runs, the table they print and the page they render.

pub mod compare;
pub mod config;
pub mod evaluate;
pub mod experiment;
pub mod experiments;
pub mod folder;
pub mod forget_run;
pub mod gradients;
pub mod influence;
mod links;
pub mod moments;
pub mod pages;
pub mod ranking;
pub mod reading;
pub mod report;
pub mod results;
pub mod table;
pub mod target;
pub mod train_run;
pub mod variants;
