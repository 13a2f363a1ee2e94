//! Tests that need no adapter: one binary, one module per subject.

#[path = "host/cli.rs"]
mod cli;
#[path = "host/compare.rs"]
mod compare;
#[path = "host/data.rs"]
mod data;
#[path = "host/data_bad.rs"]
mod data_bad;
#[path = "host/data_files.rs"]
mod data_files;
#[path = "host/eval.rs"]
mod eval;
#[path = "host/layers.rs"]
mod layers;
#[path = "host/recording.rs"]
mod recording;
#[path = "host/registry.rs"]
mod registry;
#[path = "host/report.rs"]
mod report;
#[path = "host/requests.rs"]
mod requests;
#[path = "host/shaders.rs"]
mod shaders;
#[path = "host/verdict.rs"]
mod verdict;
