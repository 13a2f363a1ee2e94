//! A request made concrete: which records go and stay and, on a graph, what is taken away and how far that reaches.

use crate::data::{Dataset, Deletion, Kind, Request, Split, resolve};
use crate::error::Result;
use crate::methods::GraphView;
use crate::nn::Model;

/// A request on one data set and one network.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Target {
    /// Ids of training records. Where a request takes edges or features alone, `forget` are the training nodes that it
    /// influences, and they are in `retain` too.
    pub split: Split,
    /// Ascending; empty unless all of the requests are for classes.
    pub classes: Vec<u32>,
    pub graph: Option<GraphTarget>,
}

/// What a request does to a graph.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GraphTarget {
    pub deletion: Deletion,
    /// Nodes that stay and whose outputs can change.
    pub influenced: Vec<u32>,
    /// The training nodes among them.
    pub influenced_train: Vec<u32>,
    /// Hops of each node from the deletion.
    pub hops: Vec<u32>,
}

impl Target {
    /// # Errors
    /// As [`resolve`].
    pub fn of(requests: &[Request], data: &Dataset, model: &Model, seed: u64) -> Result<Target> {
        let mut split = resolve(requests, data, seed)?;
        let deletion = split.deletion.take();
        let mut classes = Vec::new();
        if requests.iter().all(|r| r.kind == Kind::Class) {
            let mut forget = split.forget.iter().peekable();
            let named = data.train_ids().into_iter().zip(&data.train.y);
            classes = named.filter(|(id, _)| forget.next_if_eq(&id).is_some()).map(|(_, class)| *class).collect();
            classes.sort_unstable();
            classes.dedup();
        }
        let graph = match (&data.graph, deletion) {
            (Some(whole), Some(deletion)) => {
                let influenced = whole.graph.influenced(&deletion, model.hops());
                let among = |id: &&u32| influenced.binary_search(id).is_ok();
                let influenced_train: Vec<u32> = split.retain.iter().filter(among).copied().collect();
                let hops = whole.graph.hop_distance(&deletion);
                Some(GraphTarget { deletion, influenced, influenced_train, hops })
            }
            _ => None,
        };
        if let Some(graph) = graph.as_ref().filter(|_| split.forget.is_empty()) {
            split.forget = graph.influenced_train.clone();
        }
        Ok(Target { split, classes, graph })
    }

    pub fn deletion(&self) -> Option<&Deletion> {
        self.graph.as_ref().map(|graph| &graph.deletion)
    }

    /// What methods may know of the graph.
    pub fn graph_view<'a>(&'a self, data: &'a Dataset) -> Option<GraphView<'a>> {
        let (whole, target) = (data.graph.as_ref()?, self.graph.as_ref()?);
        Some(GraphView {
            graph: &whole.graph,
            deletion: &target.deletion,
            influenced: &target.influenced,
            influenced_train: &target.influenced_train,
        })
    }
}
