//! The one place that tells the kinds of records apart.

use super::graphs::Graphs;
use super::links::Links;
use super::nodes::Nodes;
use super::part::Part;
use super::resident::Resident;
use super::rows::Rows;
use crate::data::{Deletion, Known};
use crate::engine::Engine;
use crate::error::Result;
use crate::nn::Model;

/// Puts what is known of records on the engine.
///
/// # Errors
/// No memory; a held-out edge in the graph.
pub(super) fn upload(
    engine: &mut Engine,
    model: &Model,
    known: &Known,
    deletion: Option<&Deletion>,
) -> Result<Box<dyn Resident>> {
    let hops = model.hops();
    Ok(match known {
        Known::Rows { train, validation } => {
            let parts = [(Part::Train, train.as_ref()), (Part::Validation, validation.as_ref())];
            Box::new(Rows::upload(engine, &parts, model.width())?)
        }
        Known::Nodes(seen) => Box::new(Nodes::upload(engine, seen, deletion, hops)?),
        Known::Graphs(seen, ranges) => Box::new(Graphs::upload(engine, seen, ranges, deletion, hops)?),
        Known::Links(seen, held_out) => Box::new(Links::upload(engine, (seen, held_out), deletion, hops)?),
    })
}
