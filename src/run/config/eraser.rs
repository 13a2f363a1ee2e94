//! The data of `kind = "graph_eraser"`: the part of a graph that a member is trained on, and the graph that it is asked
//! with.

use std::path::Path;

use super::{Config, EnsembleConfig, EnsembleKind};
use crate::data::{self, Dataset, FitOn, Origins, Portion, RecordKind, Request, Shards, resolve};
use crate::error::{Error, Result};

/// The whole graph as its files have it, and the division of its training nodes.
pub struct DividedGraph {
    /// Nothing is taken from it.
    pub data: Dataset,
    /// The shard of each training node, in the order of their ids.
    pub shards: Vec<usize>,
}

impl DividedGraph {
    /// The training nodes of a shard, ascending.
    pub fn own(&self, shard: usize) -> Vec<u32> {
        let all = self.data.train_ids().into_iter().zip(&self.shards);
        all.filter(|(_, of)| **of == shard).map(|(id, _)| id).collect()
    }
}

impl Config {
    pub(super) fn graph_member(&self) -> Option<(&EnsembleConfig, usize)> {
        let ensemble = self.ensemble.as_ref().filter(|ensemble| ensemble.kind == EnsembleKind::GraphEraser)?;
        Some((ensemble, ensemble.member?))
    }

    /// Whether the data are those of one shard.
    pub(super) fn is_shard(&self) -> bool {
        self.shard().is_some() || self.graph_member().is_some()
    }

    /// Refuses recipes that ask of a shard what it has not.
    pub(super) fn check_graph_ensemble(&self) -> Result<()> {
        let graph = self.ensemble.as_ref().is_some_and(|ensemble| ensemble.kind == EnsembleKind::GraphEraser);
        let rules = [
            (self.train.early_stopping.is_some(), "early_stopping reads validation nodes, which no shard has"),
            (self.train.slices.is_some(), "slices are of records that stand alone"),
        ];
        match rules.into_iter().find(|(set, _)| graph && *set) {
            Some((_, why)) => {
                Err(Error::input(format!("train.{why}, with ensemble.kind = \"graph_eraser\"; leave it out")))
            }
            None => Ok(()),
        }
    }

    /// The graph of an ensemble, or of a member, with its division, which is the same for all of them and at all times.
    ///
    /// # Errors
    /// Whatever is wrong with the files; records that are no nodes.
    pub fn divided_graph(&self) -> Result<DividedGraph> {
        let Some(ensemble) = &self.ensemble else { return Err(Error::internal("a graph of no ensemble")) };
        let data = data::load(&self.data, Path::new(""))?;
        if data.kind() != RecordKind::Node {
            return Err(Error::input(format!(
                "ensemble.kind = \"graph_eraser\" divides the nodes of a graph, and the records of `{}` are {}s",
                data.name,
                data.kind().name()
            )));
        }
        let shards = Shards { shards: ensemble.shards, seed: ensemble.seed.unwrap_or(self.seed), levels: None };
        Ok(DividedGraph { shards: data.divide_nodes(ensemble.partition, shards), data })
    }

    /// The training nodes of a member's shard that stay, with nothing else there; what is fitted is fitted on them.
    pub(super) fn load_nodes(&self, fit: FitOn) -> Result<Dataset> {
        let Some((ensemble, index)) = self.graph_member() else { return Err(Error::internal("no member of a graph")) };
        let whole = self.divided_graph()?;
        let left = without(&ensemble.without, &whole.data)?;
        let retained = left.as_ref().map_or_else(|| whole.data.train_ids(), |(_, retain)| retain.clone());
        let gone = |id: &u32| matches!(fit, FitOn::Without(gone) if gone.contains(&(Portion::Train, u64::from(*id))));
        let retained: Vec<u32> = retained.into_iter().filter(|id| !gone(id)).collect();
        let mut own = whole.own(index);
        own.retain(|id| retained.binary_search(id).is_ok());
        if own.is_empty() {
            return Err(Error::input(format!(
                "shard {index} of {} has no training node; use fewer ensemble.shards, or another seed",
                ensemble.shards
            )));
        }
        let nodes = whole.data.graph.as_ref().map_or(0, |graph| graph.graph.nodes);
        let but = |kept: &[u32]| -> Origins {
            let others = (0..nodes as u32).filter(|id| kept.binary_search(id).is_err());
            others.map(|id| (Portion::Train, u64::from(id))).collect()
        };
        // A shard of neighbours may be of one class: outputs are for the classes of all training nodes that stay.
        let (numbers, classes) = (but(&own), but(&retained));
        let fit = match fit {
            FitOn::Kept(_) => fit,
            _ => FitOn::Shard { numbers: &numbers, classes: &classes },
        };
        let mut data = data::load_with(&self.data, Path::new(""), fit).map_err(|e| match e {
            Error::Input(what) => Error::input(format!("shard {index} of {}: {what}", ensemble.shards)),
            other => other,
        })?;
        if let Some((deletion, retain)) = &left {
            data.lose(deletion, retain);
        }
        data.induce(&own);
        Ok(data)
    }

    /// The graph that a member is asked with: its own training nodes as they were before anything was forgotten, and
    /// all nodes of no training. With `alone` it holds the training nodes that these requests leave and nobody else, so
    /// that a training without the others has the very same.
    ///
    /// # Errors
    /// Whatever is wrong with the files.
    pub fn attached(&self, fit: FitOn, alone: Option<&[Request]>) -> Result<Option<Dataset>> {
        let Some((_, index)) = self.graph_member() else { return Ok(None) };
        let whole = self.divided_graph()?;
        let mut own = whole.own(index);
        let mut data = data::load_with(&self.data, Path::new(""), fit)?;
        if let Some(requests) = alone {
            if let Some((deletion, retain)) = without(requests, &whole.data)? {
                data.lose(&deletion, &retain);
            }
            let stay = data.train_ids();
            data.induce(&stay);
            own = own.iter().filter_map(|id| stay.binary_search(id).ok()).map(|at| at as u32).collect();
        }
        data.attach(&own);
        Ok(Some(data))
    }
}

/// What requests take from a graph, and the training nodes that they leave; none where nothing is asked.
pub(in crate::run) fn without(requests: &[Request], data: &Dataset) -> Result<Option<(data::Deletion, Vec<u32>)>> {
    if requests.is_empty() {
        return Ok(None);
    }
    let split = resolve(requests, data, 0)?;
    Ok(split.deletion.map(|deletion| (deletion, split.retain)))
}
