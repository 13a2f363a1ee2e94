//! Tests that need no adapter: one binary, one module per subject.

mod accountant;
mod bad_input;
mod certified;
mod check;
mod classes;
mod cli;
mod compare;
mod config;
mod curvature_parity;
mod data;
mod data_bad;
mod data_files;
mod eval;
mod factors;
mod faults;
mod gradcheck;
mod gradients;
mod graph_parity;
mod graphs;
mod graphs_bad;
mod layer_facts;
mod layers;
mod linear_editor;
mod links;
mod models;
mod pages;
mod params;
mod parity;
mod pickles;
mod private;
mod products;
mod recording;
mod registry;
mod report;
mod requests;
mod requests_graph;
mod shaders;
mod sinks;
mod small;
mod statistics;
mod tangents;
mod verdict;
mod woodbury;

#[path = "../shared/mod.rs"]
mod shared;
