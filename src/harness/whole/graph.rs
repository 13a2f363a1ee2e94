//! A GCN on Cora: epochs over the whole graph, the gradient, the Fisher diagonal of its training nodes.

use std::path::Path;

use super::fisher::{FISHER, GRADIENT};
use super::train::Training;
use super::{Bench, network};
use crate::data::{self, DataConfig};
use crate::error::Result;

impl Bench<'_> {
    /// Sixteen hidden units, the Planetoid split.
    pub(super) fn graph(&mut self) -> Result<()> {
        let data = data::load(&DataConfig::new("cora"), Path::new("."))?;
        let model = network("gcn", None, &data)?;
        let nodes = data.graph.as_ref().map_or(0, |g| g.labels.len());
        let ids = data.train_ids();
        self.epochs(&Training::new("gcn", &model, (&data, &ids), ids.len(), self.options.rounds), nodes)?;
        self.passes("gcn", &model, (&data, &ids), &[GRADIENT, FISHER], nodes)
    }
}
