//! Methods for requests on a graph: nodes, edges, features.

mod adjacency;
mod change;
pub mod cognac;
pub mod d2dgn;
pub mod edge_mask;
pub mod etr;
pub mod gnn_delete;
pub mod graph_editor;
pub mod graph_repair;
pub mod idea;
pub(in crate::methods) mod marked;
pub mod megu;
pub mod unlink;
