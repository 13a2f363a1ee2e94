//! What a record is: rows, nodes of a graph, whole graphs and links, each a file behind `Resident`, with the objectives
//! that they are trained for; a session that holds them on the engine; and a reader, which holds test records too.

mod apart;
mod augment;
mod augmented;
mod batch;
mod classes;
mod drawn;
mod graph_host;
mod graphs;
mod held;
mod links;
mod nodes;
pub mod objective;
mod pairs;
mod part;
mod preferred;
mod relabel;
mod resident;
mod resident_graph;
mod rows;
pub(crate) mod scored;
mod session;
mod stacked;
mod subgraph;
mod taught;
mod tokens;
mod trail;
mod under;
mod upload;
mod weighing;

pub(crate) use apart::times;
pub use augment::Augment;
pub(crate) use batch::{Load, Shape, Use};
pub use objective::{Lesson, OBJECTIVES, Objective, Towards};
pub use part::{Part, Read, Reader, Records};
pub use preferred::Preferred;
pub use resident_graph::{MaskedEdge, MaskedEdges};
pub(crate) use scored::record_halves;
pub use session::Session;
pub use stacked::Source;
pub use trail::Passed;
