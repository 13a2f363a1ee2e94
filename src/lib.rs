//! `unlearn`: trains convolutional, dense and graph networks with hand-written WGSL kernels and makes a trained
//! network forget chosen records, on any GPU that wgpu drives.

pub mod cli;
pub mod data;
pub mod engine;
pub mod error;
pub mod eval;
pub mod harness;
pub mod kernels;
pub mod methods;
pub mod nn;
pub mod run;
pub mod train;

pub use error::{Error, Result};
