//! Methods for requests on a graph: nodes, edges, features.

mod change;
pub mod edge_mask;
pub mod gnn_delete;
pub mod graph_editor;
pub mod graph_repair;
pub mod unlink;
