//! A request made concrete: which records go and stay and, on a graph, what is taken away and how far that reaches.

use std::collections::HashSet;

use crate::data::{Dataset, Deletion, Kind, Line, Place, Portion, Request, Split, TargetKind, resolve};
use crate::error::{Error, Result};
use crate::eval::RequestScope;
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
    /// Classes of which nothing is retained, ascending: those, or one that only the forgotten records were given.
    pub whole_classes: Vec<u32>,
    /// What becomes of the graph, where there is one.
    pub graph: Option<GraphTarget>,
}

/// What a request does to a graph.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GraphTarget {
    /// What the request takes away.
    pub deletion: Deletion,
    /// Retained nodes whose outputs can change.
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
        let whole_classes = gone_classes(data, &split.forget);
        let by_class = requests.iter().all(|r| r.kind == Kind::Class);
        let classes = if by_class { whole_classes.clone() } else { Vec::new() };
        let on = data.graph.as_ref().zip(split.deletion.take());
        let graph = on.map(|(whole, deletion)| {
            let influenced = whole.graph.influenced(&deletion, model.hops());
            let among = |id: &&u32| influenced.binary_search(id).is_ok();
            let influenced_train = whole.nodes_among(&split.retain).iter().filter(among).copied().collect();
            let hops = whole.graph.hop_distance(&deletion);
            GraphTarget { deletion, influenced, influenced_train, hops }
        });
        if let Some(graph) = graph.as_ref().filter(|_| split.forget.is_empty()) {
            split.forget = graph.influenced_train.clone();
        }
        Ok(Target { split, classes, whole_classes, graph })
    }

    /// What requests were found to mean when a run was made, on data that may have lost those records since. Records
    /// stand alone.
    pub fn known(lines: &[Line], data: &Dataset) -> Target {
        let records = || lines.iter().flat_map(|line| &line.records);
        let places: HashSet<Place> = records().filter_map(|who| data.who.find_then(&who.id)).collect();
        let mut split = Split { lines: lines.to_vec(), ..Split::default() };
        for place in data.places(Portion::Train) {
            let goes = places.contains(&place);
            (if goes { &mut split.forget } else { &mut split.retain }).push(place.position);
        }
        split.unseen = places.into_iter().filter(|place| place.portion != Portion::Train).collect();
        split.unseen.sort_unstable();
        let trained = records().filter(|who| who.split == Some(Portion::Train));
        let gone: HashSet<&String> = trained.filter_map(|who| who.class.as_ref()).collect();
        let stays: HashSet<u32> = split.retain.iter().map(|id| data.train.y[*id as usize]).collect();
        let number = |name: &&String| data.class_names.iter().position(|known| known == *name).map(|at| at as u32);
        let mut whole_classes: Vec<u32> =
            gone.iter().filter_map(number).filter(|class| !stays.contains(class)).collect();
        whole_classes.sort_unstable();
        let by_class = lines.iter().all(|line| line.kind == Kind::Class.name());
        let classes = if by_class { whole_classes.clone() } else { Vec::new() };
        Target { split, classes, whole_classes, graph: None }
    }

    /// Takes out the records that earlier requests deleted: they are neither retained nor forgotten again. Nodes are
    /// asked of a graph that has lost them already.
    ///
    /// # Errors
    /// Nothing is left to forget.
    pub fn after(&mut self, earlier: &Target, data: &Dataset) -> Result<()> {
        match self.without(earlier, data)? {
            0 => Err(Error::input("the run has forgotten all of these records already")),
            _ => Ok(()),
        }
    }

    /// As [`Target::after`], where nothing may be left: how many records are.
    ///
    /// # Errors
    /// Nothing would be retained.
    pub(super) fn without(&mut self, earlier: &Target, data: &Dataset) -> Result<usize> {
        // A node that was deleted is in no part any more.
        let lines = earlier.split.lines.iter();
        let known: HashSet<_> = lines.flat_map(|line| line.records.iter().map(|who| line.known_as(who))).collect();
        let mut left = 0;
        for line in &mut self.split.lines {
            let (before, mut records) = (line.records.len(), std::mem::take(&mut line.records));
            records.retain(|who| !known.contains(&line.known_as(who)));
            line.records = records;
            line.already += before - line.records.len();
            left += line.records.len();
        }
        if self.graph.is_none() && left > 0 {
            self.after_records(&earlier.split, data)?;
        }
        Ok(left)
    }

    /// The same of records that stand alone.
    fn after_records(&mut self, earlier: &Split, data: &Dataset) -> Result<()> {
        let gone: HashSet<u32> = earlier.forget.iter().copied().collect();
        let left: HashSet<Place> = earlier.unseen.iter().copied().collect();
        let split = &mut self.split;
        split.retain.retain(|id| !gone.contains(id));
        split.forget.retain(|id| !gone.contains(id));
        split.unseen.retain(|place| !left.contains(place));
        let mut all: Vec<u32> = gone.iter().chain(&split.forget).copied().collect();
        all.sort_unstable();
        let class = data.train_ids().into_iter().zip(&data.train.y);
        let goes: HashSet<u32> =
            class.filter(|(id, _)| split.forget.binary_search(id).is_ok()).map(|(_, y)| *y).collect();
        self.whole_classes = gone_classes(data, &all).into_iter().filter(|class| goes.contains(class)).collect();
        if !self.classes.is_empty() {
            self.classes = self.whole_classes.clone();
        }
        Ok(())
    }

    /// Whether no parameter saw what the request names: there is nothing to forget, and the records leave the data.
    pub fn is_unseen(&self) -> bool {
        let untouched = self.deletion().is_none_or(Deletion::is_empty);
        self.split.forget.is_empty() && untouched && !self.split.unseen.is_empty()
    }

    /// Which thresholds a verdict applies.
    pub fn scope(&self) -> RequestScope {
        match (&self.graph, self.classes.is_empty()) {
            (Some(_), true) => RequestScope::Graph,
            (None, true) => RequestScope::Records,
            (_, false) => RequestScope::Classes,
        }
    }

    /// How many nodes, edges or features a request on a graph names; edges deleted with a node are not counted.
    pub fn things(&self) -> usize {
        let Some(d) = self.deletion() else { return 0 };
        let features = d.feature_rows.len() + d.feature_columns.len() + d.feature_entries.len();
        let stays = |v: &u32| d.nodes.binary_search(v).is_err();
        let own: HashSet<&[u32; 2]> = d.edges.iter().filter(|[u, v]| stays(u) && stays(v)).collect();
        let back = |[u, v]: &[u32; 2]| u > v && own.contains(&[*v, *u]);
        let edges = own.iter().filter(|e| !back(e)).count();
        d.nodes.len() + features + edges
    }

    /// What is taken from the graph, where there is one.
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

/// Classes that some of `forget`, ascending ids of training records, have and no other training record.
fn gone_classes(data: &Dataset, forget: &[u32]) -> Vec<u32> {
    if data.target_kind() != TargetKind::Class {
        return Vec::new();
    }
    let (mut goes, mut stays) = (vec![false; data.classes], vec![false; data.classes]);
    for (id, class) in data.train_ids().into_iter().zip(&data.train.y) {
        let side = if forget.binary_search(&id).is_ok() { &mut goes } else { &mut stays };
        side[*class as usize] = true;
    }
    (0..data.classes as u32).filter(|class| goes[*class as usize] && !stays[*class as usize]).collect()
}
