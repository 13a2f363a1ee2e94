//! Tests that need no adapter: one binary, one module per subject.

#[path = "host/accountant.rs"]
mod accountant;
#[path = "host/bad_input.rs"]
mod bad_input;
#[path = "shared/binary.rs"]
mod binary;
#[path = "host/certified.rs"]
mod certified;
#[path = "host/check.rs"]
mod check;
#[path = "host/classes.rs"]
mod classes;
#[path = "host/cli.rs"]
mod cli;
#[path = "host/compare.rs"]
mod compare;
#[path = "host/config.rs"]
mod config;
#[path = "shared/curvature.rs"]
mod curvature_fixtures;
#[path = "host/curvature_parity.rs"]
mod curvature_parity;
#[path = "host/data.rs"]
mod data;
#[path = "host/data_bad.rs"]
mod data_bad;
#[path = "host/data_files.rs"]
mod data_files;
#[path = "host/eval.rs"]
mod eval;
#[path = "host/factors.rs"]
mod factors;
#[path = "host/faults.rs"]
mod faults;
#[path = "shared/fixtures.rs"]
mod fixtures;
#[path = "host/gradcheck.rs"]
mod gradcheck;
#[path = "host/gradients.rs"]
mod gradients;
#[path = "shared/graph_parity.rs"]
mod graph_fixtures;
#[path = "host/graph_parity.rs"]
mod graph_parity;
#[path = "host/graphs.rs"]
mod graphs;
#[path = "host/graphs_bad.rs"]
mod graphs_bad;
#[path = "host/layers.rs"]
mod layers;
#[path = "host/linear_editor.rs"]
mod linear_editor;
#[path = "host/links.rs"]
mod links;
#[path = "host/models.rs"]
mod models;
#[path = "host/parity.rs"]
mod parity;
#[path = "host/pickles.rs"]
mod pickles;
#[path = "host/private.rs"]
mod private;
#[path = "host/products.rs"]
mod products;
#[path = "host/recording.rs"]
mod recording;
#[path = "host/registry.rs"]
mod registry;
#[path = "host/report.rs"]
mod report;
#[path = "host/requests.rs"]
mod requests;
#[path = "host/requests_graph.rs"]
mod requests_graph;
#[path = "host/shaders.rs"]
mod shaders;
#[path = "host/sinks.rs"]
mod sinks;
#[path = "host/small.rs"]
mod small;
#[path = "host/statistics.rs"]
mod statistics;
#[path = "shared/statistics.rs"]
mod statistics_checks;
#[path = "host/tangents.rs"]
mod tangents;
#[path = "host/verdict.rs"]
mod verdict;
#[path = "host/woodbury.rs"]
mod woodbury;
