//! Erasure requests: which training records, classes, nodes, edges or features are to be forgotten.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::{Dataset, Deletion, RecordKind, request_graph};
use crate::base::did_you_mean;
use crate::base::splitmix::SplitMix64;
use crate::error::{Error, Result};

/// What the ids of a request number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Positions in the training part; numbers of graphs where the records are graphs.
    Sample,
    /// Class numbers or names: all training records of the class.
    Class,
    /// Node ids of a graph: a node with its features, its label and its edges.
    Node,
    /// Pairs `[u, v]` of node ids: both directions where the graph is undirected.
    Edge,
    /// Features of a graph's nodes: an id `c` is column c of all nodes, `[n, c]` column c of node n, and all the
    /// features of nodes are named by [`Request::nodes`] in place of ids.
    Feature,
}

impl Kind {
    /// As it is written in files.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Sample => "sample",
            Kind::Class => "class",
            Kind::Node => "node",
            Kind::Edge => "edge",
            Kind::Feature => "feature",
        }
    }
}

/// One id.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Id {
    /// An index, or an id that the file gives as a whole number.
    Number(u64),
    /// An edge, or a node and one of its features.
    Edge([u64; 2]),
    /// The name of a class.
    Name(String),
}

impl std::fmt::Display for Id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Id::Number(id) => write!(f, "{id}"),
            Id::Edge([u, v]) => write!(f, "[{u},{v}]"),
            Id::Name(name) => write!(f, "`{name}`"),
        }
    }
}

/// One request, or a part of one: a line of a request file, or the inline table `request` of a configuration, which may
/// give `fraction` (a seeded draw from the training records, training nodes or edges) instead of `ids`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The caller's name for it; files and messages repeat it.
    #[serde(default = "inline_id")]
    pub request_id: String,
    /// What the ids are ids of.
    pub kind: Kind,
    /// What to forget; empty where `fraction` draws it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<Id>,
    /// `kind = "feature"`: nodes that lose all their features.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<u64>,
    /// Share of the candidates to draw in the place of ids, above 0 and below 1.
    #[cfg_attr(feature = "cli", schemars(extend("exclusiveMinimum" = 0, "exclusiveMaximum" = 1)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fraction: Option<f64>,
    /// `kind = "node"`: the nodes that `data.plant` gave a class of their own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub planted: bool,
    /// `kind = "edge"`: the edges that `data.poison` added.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub poisoned: bool,
    /// Where it was written, for messages: `file line 3`, or `forget.request`.
    #[serde(skip, default = "inline_origin")]
    pub origin: String,
}

fn inline_id() -> String {
    "inline".to_owned()
}

fn inline_origin() -> String {
    "forget.request".to_owned()
}

impl Request {
    /// A request of these ids, `origin` standing in messages.
    pub fn new(kind: Kind, ids: Vec<Id>, origin: &str) -> Self {
        let origin = origin.to_owned();
        let (nodes, fraction) = (vec![], None);
        Request { request_id: inline_id(), kind, ids, nodes, fraction, planted: false, poisoned: false, origin }
    }

    /// Takes in what another part of the same request names.
    pub fn extend(&mut self, part: &Request) {
        self.ids.extend(part.ids.iter().cloned());
        self.nodes.extend(&part.nodes);
        self.planted |= part.planted;
        self.poisoned |= part.poisoned;
    }

    pub(super) fn fail<T>(&self, why: impl std::fmt::Display) -> Result<T> {
        Err(Error::input(format!("{}: {why}", self.origin)))
    }

    /// Refuses keys that exclude each other or do not go with the kind.
    pub(super) fn one_way_of_naming(&self) -> Result<()> {
        let listed = !self.ids.is_empty() || !self.nodes.is_empty();
        let keys = [self.kind == Kind::Feature, self.kind == Kind::Node, self.kind == Kind::Edge];
        let used = [!self.nodes.is_empty(), self.planted, self.poisoned];
        let names = [("nodes", "feature"), ("planted", "node"), ("poisoned", "edge")];
        for ((fits, used), (key, kind)) in keys.into_iter().zip(used).zip(names) {
            if used && !fits {
                return self.fail(format!("{key} goes with kind = \"{kind}\", not with {}", self.kind.name()));
            }
        }
        match (listed, self.fraction.is_some(), self.planted || self.poisoned) {
            (true, true, _) => self.fail("fraction and ids exclude each other; give one of them"),
            (true, _, true) | (_, true, true) => self.fail("planted and poisoned exclude ids and fraction; give one"),
            _ => Ok(()),
        }
    }

    /// A seeded draw of round(fraction · n) of `all`.
    pub(super) fn draw<T>(&self, fraction: f64, mut all: Vec<T>, what: &str, rng: &mut SplitMix64) -> Result<Vec<T>> {
        let n = all.len();
        let count = (fraction * n as f64).round();
        if !(fraction > 0.0 && fraction < 1.0 && count >= 1.0) {
            return self.fail(format!("fraction {fraction} of {n} {what} draws nothing; expected 0 < fraction < 1"));
        }
        rng.shuffle(&mut all);
        all.truncate(count as usize);
        Ok(all)
    }
}

/// The training part divided by a request: ids as in [`Dataset::train_ids`] (positions of records, node ids, numbers of
/// graphs), ascending, disjoint, complete.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Split {
    /// Indices of the retained training records, ascending.
    pub retain: Vec<u32>,
    /// Empty for a request that takes edges or features alone, or nodes outside the training part alone.
    pub forget: Vec<u32>,
    /// What is taken from the graph, where the records are its nodes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletion: Option<Deletion>,
}

/// Divides the training part: `forget` is the union of all requests, `retain` the rest. `seed` serves `fraction` only.
///
/// # Errors
/// [`Error::Input`] naming the request's file and line: an unknown or repeated id, an edge that is not there, an empty
/// request, a class without members, nothing retained, or a kind that the data set does not have.
pub fn resolve(requests: &[Request], dataset: &Dataset, seed: u64) -> Result<Split> {
    match (dataset.kind(), &dataset.graph) {
        (RecordKind::Node | RecordKind::Link, Some(data)) => request_graph::resolve(requests, dataset, data, seed),
        (RecordKind::Graph, _) => records(requests, dataset, seed, unknown_graph),
        _ => records(requests, dataset, seed, unknown_sample),
    }
}

/// What is said of an id that is not among the training records.
type Unknown = fn(&Request, u64, &[u32]) -> Result<Split>;

fn unknown_sample(request: &Request, id: u64, ids: &[u32]) -> Result<Split> {
    let (limit, last) = (ids.len(), ids.len().saturating_sub(1));
    request.fail(format!("unknown sample id {id}; there are {limit} training records, 0 to {last}"))
}

fn unknown_graph(request: &Request, id: u64, _ids: &[u32]) -> Result<Split> {
    request.fail(format!("graph {id} is not in the training part"))
}

/// [`resolve`] for data sets whose records stand alone, or are graphs.
fn records(requests: &[Request], dataset: &Dataset, seed: u64, unknown: Unknown) -> Result<Split> {
    let ids = dataset.train_ids();
    let mut forget = vec![false; ids.len()];
    let mut seen: HashMap<(Kind, u64), &str> = HashMap::new();
    let mut rng = SplitMix64::new(seed);
    for request in requests {
        if matches!(request.kind, Kind::Node | Kind::Edge | Kind::Feature) {
            return request.fail(format!(
                "a request of kind {} needs a graph of nodes, but the data set `{}` is not one; expected sample or \
                    class",
                request.kind.name(),
                dataset.name
            ));
        }
        request.one_way_of_naming()?;
        let chosen = match request.fraction {
            Some(_) if request.kind != Kind::Sample => {
                return request.fail("fraction goes with kind = \"sample\"; a class request needs ids");
            }
            Some(fraction) => {
                request.draw(fraction, ids.iter().map(|&id| u64::from(id)).collect(), "training records", &mut rng)?
            }
            None => request.ids.iter().map(|id| number(request, id, dataset)).collect::<Result<Vec<u64>>>()?,
        };
        if chosen.is_empty() {
            return request.fail("the request is empty; ids names nothing");
        }
        for id in chosen {
            if let Some(earlier) = seen.insert((request.kind, id), &request.origin) {
                return request.fail(format!("{} id {id} is repeated; first at {earlier}", request.kind.name()));
            }
            if !mark(request, id, dataset, &ids, &mut forget)? {
                return unknown(request, id, &ids);
            }
        }
    }
    let of = |wanted: bool| ids.iter().zip(&forget).filter(|(_, gone)| **gone == wanted).map(|(id, _)| *id).collect();
    let split = Split { retain: of(false), forget: of(true), deletion: None };
    let names_something = !split.forget.is_empty();
    checked(requests, split, names_something)
}

/// Refuses a split that takes nothing or leaves nothing.
pub(super) fn checked(requests: &[Request], split: Split, names_something: bool) -> Result<Split> {
    let all = requests.last().map_or("forget.request", |request| &request.origin);
    match (names_something, split.retain.is_empty()) {
        (false, _) => Err(Error::input(format!("{all}: there is no request; at least one id is needed"))),
        (_, true) => Err(Error::input(format!(
            "{all}: the requests cover all {} training records, so nothing would be retained; ask for fewer",
            split.forget.len()
        ))),
        _ => Ok(split),
    }
}

/// The number of an id, with class names looked up.
fn number(request: &Request, id: &Id, dataset: &Dataset) -> Result<u64> {
    match (request.kind, id) {
        (Kind::Class, _) => class(request, id, dataset).map(u64::from),
        (_, Id::Number(number)) => Ok(*number),
        (kind, id) => request.fail(format!("{id} is not a {} id; expected a whole number ≥ 0", kind.name())),
    }
}

/// The class that an id numbers or names.
pub(super) fn class(request: &Request, id: &Id, dataset: &Dataset) -> Result<u32> {
    let names = &dataset.class_names;
    match id {
        Id::Number(class) if *class < dataset.classes as u64 => Ok(*class as u32),
        Id::Number(class) => {
            let (limit, last) = (dataset.classes, dataset.classes.saturating_sub(1));
            request.fail(format!("unknown class id {class}; there are {limit} classes, 0 to {last}"))
        }
        Id::Name(name) => match names.iter().position(|known| known == name) {
            Some(class) => Ok(class as u32),
            None => {
                let near = did_you_mean(name, names.iter().map(String::as_str));
                request.fail(format!("there is no class `{name}`{near}; the classes are {}", names.join(", ")))
            }
        },
        Id::Edge(_) => request.fail(format!("{id} is not a class id; expected a whole number ≥ 0")),
    }
}

pub(super) fn no_members(class: u32, dataset: &Dataset) -> String {
    format!("class {class} (`{}`) has no members in the training part", dataset.class_names[class as usize])
}

/// Marks, by position, the records that an id of the request means; false where there is none of that number.
fn mark(request: &Request, id: u64, dataset: &Dataset, ids: &[u32], forget: &mut [bool]) -> Result<bool> {
    if request.kind == Kind::Class {
        let members = dataset.train.y.iter().enumerate().filter(|(_, class)| u64::from(**class) == id);
        return match members.map(|(position, _)| forget[position] = true).count() {
            0 => request.fail(no_members(id as u32, dataset)),
            _ => Ok(true),
        };
    }
    let found = ids.binary_search_by(|known| u64::from(*known).cmp(&id));
    found.iter().for_each(|position| forget[*position] = true);
    Ok(found.is_ok())
}
