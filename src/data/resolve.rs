//! Requests made concrete.

use super::request::Request;
use super::resolved::Split;
use super::{Dataset, RecordKind, request_graph, request_rows};
use crate::error::Result;

/// Divides the training part: `forget` is the union of all requests, `retain` the rest. `seed` serves `fraction` only.
///
/// # Errors
/// [`Error::Input`] naming the request's file and line: an unknown id, an edge that is not there, an empty request, a
/// class without members, nothing retained, or a kind that the data set does not have.
pub fn resolve(requests: &[Request], dataset: &Dataset, seed: u64) -> Result<Split> {
    match (dataset.kind(), &dataset.graph) {
        (RecordKind::Node | RecordKind::Link, Some(data)) => request_graph::resolve(requests, dataset, data, seed),
        _ => request_rows::resolve(requests, dataset, seed),
    }
}
