//! Requests that are like others, on records that those do not name: what settings may be chosen on.

use std::collections::{BTreeSet, HashSet};

use super::request::{Kind, Request};
use super::request_id::Id;
use super::resolved::Split;
use super::{Dataset, GraphData, Portion, RecordKind};
use crate::base::splitmix::SplitMix64;
use crate::error::{Error, Result};

/// Draws a request of the kind and the size of `requests`, which `split` resolved: as many training records, subjects,
/// classes, nodes, edges or features, none of which those name. Subjects and classes are none that an `earlier` draw
/// has: there are few.
///
/// # Errors
/// Requests of several kinds, or on records outside the training part alone; too few others to draw from.
pub fn like(requests: &[Request], split: &Split, dataset: &Dataset, earlier: &[Request], seed: u64) -> Result<Request> {
    let Some(first) = requests.first() else { return Err(Error::internal("like: there is no request")) };
    if let Some(other) = requests.iter().find(|request| request.kind != first.kind) {
        return first.fail(format!(
            "requests of kind {} and of kind {} ({}) have no likeness to draw others by; give one kind",
            first.kind.name(),
            other.kind.name(),
            other.origin
        ));
    }
    let drawn: HashSet<&Id> = earlier.iter().flat_map(|request| &request.ids).collect();
    let mut draw = Draw { first, split, dataset, drawn, rng: SplitMix64::new(seed) };
    let (ids, nodes) = match (first.kind, &dataset.graph) {
        (Kind::Subject, _) => (draw.subjects(requests)?, vec![]),
        (Kind::Class, _) => (draw.classes()?, vec![]),
        (Kind::Sample, Some(data)) if dataset.kind() == RecordKind::Link => (draw.edges(data)?, vec![]),
        (Kind::Sample | Kind::Node, _) => (draw.records()?, vec![]),
        (Kind::Edge, Some(data)) => (draw.edges(data)?, vec![]),
        (Kind::Feature, Some(data)) => draw.features(data)?,
        (Kind::Span, _) => {
            return first.fail(
                "requests of spans have no others to draw that are like them, so that no setting is chosen on such; \
                 give the settings",
            );
        }
        (Kind::Edge | Kind::Feature, None) => return Err(Error::internal("like: a graph's request without a graph")),
    };
    let mut request = Request::new(first.kind, ids, &format!("a request like {}", first.origin));
    request.nodes = nodes;
    Ok(request)
}

struct Draw<'a> {
    first: &'a Request,
    split: &'a Split,
    dataset: &'a Dataset,
    /// What earlier draws have.
    drawn: HashSet<&'a Id>,
    rng: SplitMix64,
}

impl Draw<'_> {
    /// So many of all, in a drawn order.
    fn some<T>(&mut self, count: usize, mut all: Vec<T>, what: &str) -> Result<Vec<T>> {
        if count == 0 || all.len() < count {
            let kind = self.first.kind.name();
            return self.first.fail(format!(
                "there are {} other {what}, and a further request of kind {kind} like this one takes {count}; \
                 ask for fewer, or for fewer such requests",
                all.len()
            ));
        }
        self.rng.shuffle(&mut all);
        all.truncate(count);
        Ok(all)
    }

    /// As many retained training records, or training nodes, as are forgotten.
    fn records(&mut self) -> Result<Vec<Id>> {
        let deleted = self.split.deletion.as_ref().map_or(0, |deletion| deletion.nodes.len());
        let count = deleted.max(self.split.forget.len());
        let drawn = self.some(count, self.split.retain.clone(), "training records")?;
        Ok(drawn.into_iter().map(|number| self.dataset.train_id(number)).collect())
    }

    fn subjects(&mut self, requests: &[Request]) -> Result<Vec<Id>> {
        let named: HashSet<String> = requests.iter().flat_map(|request| &request.ids).filter_map(Id::text).collect();
        let train = self.dataset.who.part(Portion::Train).iter();
        let subjects: BTreeSet<&str> = train.filter_map(|who| who.subject.as_deref()).collect();
        let others = subjects.into_iter().filter(|subject| !named.contains(*subject));
        let others = others.map(|subject| Id::Name(subject.to_owned()));
        let others = others.filter(|id| !self.drawn.contains(id)).collect();
        self.some(named.len(), others, "subjects with training records")
    }

    fn classes(&mut self) -> Result<Vec<Id>> {
        let named: HashSet<&String> = self.split.lines.iter().flat_map(|line| &line.classes).collect();
        let present: BTreeSet<u32> = self.dataset.train.y.iter().copied().collect();
        let others = present.into_iter().map(|class| &self.dataset.class_names[class as usize]);
        let others = others.filter(|name| !named.contains(name)).map(|name| Id::Name(name.clone()));
        let others = others.filter(|id| !self.drawn.contains(id)).collect();
        self.some(named.len(), others, "classes with training records")
    }

    fn edges(&mut self, data: &GraphData) -> Result<Vec<Id>> {
        let graph = &data.graph;
        let pair = |[u, v]: [u32; 2]| if graph.undirected { [u.min(v), u.max(v)] } else { [u, v] };
        let deleted = self.split.deletion.iter().flat_map(|deletion| &deletion.edges);
        let deleted: HashSet<[u32; 2]> = deleted.map(|edge| pair(*edge)).collect();
        let others = graph.distinct_edges().into_iter().filter(|edge| !deleted.contains(&pair(*edge))).collect();
        let drawn = self.some(deleted.len(), others, "edges")?;
        Ok(drawn.into_iter().map(|edge| self.dataset.pair_id(edge)).collect())
    }

    /// Columns, and nodes that lose all their features. Single entries are nodes with one column each.
    fn features(&mut self, data: &GraphData) -> Result<(Vec<Id>, Vec<Id>)> {
        let Some(gone) = &self.split.deletion else { return Err(Error::internal("like: features without a graph")) };
        let called = |column: u32| data.graph.features.called(column);
        let columns: Vec<u32> = (0..self.dataset.width() as u32).map(called).collect();
        let others = |named: &[u32], all: Vec<u32>| {
            all.into_iter().filter(|id| named.binary_search(id).is_err()).collect::<Vec<_>>()
        };
        let (mut ids, mut nodes) = (vec![], vec![]);
        if !gone.feature_columns.is_empty() {
            let all = others(&gone.feature_columns, columns.clone());
            let drawn = self.some(gone.feature_columns.len(), all, "columns of features")?;
            ids.extend(drawn.into_iter().map(|column| Id::Number(u64::from(column))));
        }
        if !gone.feature_rows.is_empty() {
            let all = others(&gone.feature_rows, self.split.retain.clone());
            let drawn = self.some(gone.feature_rows.len(), all, "training nodes")?;
            nodes.extend(drawn.into_iter().map(|node| self.dataset.node_id(node)));
        }
        if !gone.feature_entries.is_empty() {
            let count = gone.feature_entries.len();
            let named: HashSet<[u32; 2]> = gone.feature_entries.iter().copied().collect();
            let columns = &columns;
            let every = self.split.retain.iter().flat_map(|node| columns.iter().map(move |column| [*node, *column]));
            // A drawn part of them: all entries of a graph are many.
            let share = (4 * count) as f64 / (self.split.retain.len() * columns.len()) as f64;
            let rng = &mut self.rng;
            let some = every.filter(|entry| !named.contains(entry) && rng.uniform() < share).collect();
            let drawn = self.some(count, some, "entries of features")?;
            ids.extend(drawn.into_iter().map(|entry| self.entry_id(entry)));
        }
        Ok((ids, nodes))
    }

    fn entry_id(&self, [node, column]: [u32; 2]) -> Id {
        match self.dataset.node_id(node) {
            Id::Name(name) => Id::Pair([name, column.to_string()]),
            _ => Id::Edge([u64::from(node), u64::from(column)]),
        }
    }
}
