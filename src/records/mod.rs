//! What a record is: rows, nodes of a graph, whole graphs and links, resident on the engine; a session over them; and how
//! a batch of them reaches a recording.

pub(crate) mod graph;
mod graph_host;
mod links;
pub(crate) mod load;
mod relabel;
mod rows;
pub(crate) mod scored;
pub(crate) mod session;
mod subgraph;

pub use graph::MaskedEdge;
pub use rows::Resident;
pub use session::{Part, Records, Session};
