//! A last layer that reads the table of an embedding.

use super::super::sequence::Sequence;
use crate::error::{Error, Result};

/// Holds tied layers to what they read: the last layer alone may, and what it names must be the table of an embedding
/// before it that has its shape. `shapes` are the inputs of each layer, then the output.
///
/// # Errors
/// Another layer that is tied; no such embedding, or one of another size.
pub(super) fn check_tied(body: &Sequence, shapes: &[Vec<usize>]) -> Result<()> {
    let last = body.layers.len() - 1;
    for (i, layer) in body.layers.iter().enumerate() {
        let inner = layer.inner().into_iter().flatten().find(|inner| inner.tied().is_some());
        if let Some(other) = inner.or_else(|| (i < last && layer.tied().is_some()).then_some(layer)) {
            return Err(Error::input(format!("layer `{}`: tied is for the last layer of a network", other.label())));
        }
    }
    let head = &body.layers[last];
    let Some(table) = head.tied() else { return Ok(()) };
    let embeddings = || (0..last).filter(|i| body.layers[*i].row().kind == "embedding");
    let Some(at) = embeddings().find(|i| body.layers[*i].label() == table) else {
        let known: Vec<String> = embeddings().map(|i| format!("`{}`", body.layers[i].label())).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        return Err(Error::input(format!(
            "layer `{}`: tied = \"{table}\" names no embedding before it; there is {known}",
            head.label()
        )));
    };
    let own = [&shapes[last + 1][..], &shapes[last]].concat();
    let theirs = [&shapes[at][..], &shapes[at + 1]].concat();
    match own == theirs {
        true => Ok(()),
        false => Err(Error::input(format!(
            "layer `{}`: the table of `{table}` has shape {theirs:?}, and a head of {} outputs from {} features needs \
             {own:?}",
            head.label(),
            own[0],
            own[1]
        ))),
    }
}
