//! The one place that tells the kinds of records apart.

use std::rc::Rc;

use super::graphs::Graphs;
use super::links::Links;
use super::nodes::Nodes;
use super::part::Part;
use super::resident::Resident;
use super::rows::Rows;
use super::tokens::Tokens;
use crate::data::{Cut, Deletion, Graph, Known, Samples, TargetKind};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::nn::Model;

/// Puts what is known of records on the engine.
///
/// # Errors
/// No memory; a held-out edge in the graph; edges that carry what the network does not read.
pub(super) fn upload(
    engine: &mut Engine,
    model: &Model,
    known: &Known,
    deletion: Option<&Deletion>,
) -> Result<Rc<dyn Resident>> {
    let hops = model.hops();
    if let Known::Nodes(seen) | Known::Graphs(seen, _) | Known::Links(seen, _) = known {
        carried(model, seen.graph)?;
    }
    Ok(match known {
        Known::Rows { train, validation, before } => {
            let mut parts = vec![(Part::Train, train.as_ref()), (Part::Validation, validation.as_ref())];
            parts.extend(before.map(|before| (Part::Before, before.samples)));
            alone(engine, model, &parts, before.map_or(&[], |before| before.cuts))?
        }
        Known::Nodes(seen) => Rc::new(Nodes::upload(engine, seen, deletion, hops)?),
        Known::Graphs(seen, ranges) => Rc::new(Graphs::upload(engine, seen, ranges, deletion, hops)?),
        Known::Links(seen, held_out) => Rc::new(Links::upload(engine, (seen, held_out), deletion, hops)?),
    })
}

/// Puts records that stand alone on the engine: rows of numbers, or texts, of which before the request the `cuts` alone
/// are predicted where there are some.
///
/// # Errors
/// No memory.
pub(super) fn alone(
    engine: &mut Engine,
    model: &Model,
    parts: &[(Part, &Samples)],
    cuts: &[Cut],
) -> Result<Rc<dyn Resident>> {
    let targets = parts.iter().find_map(|(_, samples)| samples.targets.as_ref());
    Ok(match targets.filter(|targets| targets.kind == TargetKind::Text) {
        Some(targets) => Rc::new(Tokens::of(parts, targets.width, cuts)),
        None => Rc::new(Rows::upload(engine, parts, model.width())?),
    })
}

/// Refuses what edges carry and the network would overlook, and what it reads and they do not carry.
fn carried(model: &Model, graph: &Graph) -> Result<()> {
    let layers = model.every_layer();
    let data = &graph.edge_data;
    let blind = layers.iter().find(|layer| layer.row().facts.messages && !layer.row().facts.edge_weights);
    if let (Some(layer), true) = (blind, data.weight.is_some()) {
        return Err(Error::input(format!(
            "the layer `{}` knows no weights of edges, and the data have some (data.edge_weight); layers that read \
             them are graph_conv and sgc, or leave the weights out: data.drop in the place of data.edge_weight",
            layer.label()
        )));
    }
    if let Some((layer, dim)) =
        layers.iter().filter_map(|layer| Some((layer, layer.edge_dim()?))).find(|(_, dim)| *dim != data.width)
    {
        return Err(Error::input(format!(
            "the layer `{}` has edge_dim = {dim}, but the data's edges have {} features (data.edge_features)",
            layer.label(),
            data.width
        )));
    }
    if data.width > 0 && layers.iter().all(|layer| layer.edge_dim().is_none()) {
        return Err(Error::input(format!(
            "no layer reads the {} features that the data's edges have (data.edge_features); give gat_conv or \
             gatv2_conv edge_dim = {}, or leave the key out",
            data.width, data.width
        )));
    }
    Ok(())
}
