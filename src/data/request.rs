//! Erasure requests: which training records, classes, nodes, edges or features are to be forgotten.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::Dataset;
use super::rng::SplitMix64;
use super::source::did_you_mean;
use crate::error::{Error, Result};

/// What the ids of a request number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Positions in the training part.
    Sample,
    /// Class numbers or names.
    Class,
    /// Node ids of a graph.
    Node,
    /// Pairs of node ids.
    Edge,
    /// Feature columns of a graph's nodes.
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
#[serde(untagged)]
pub enum Id {
    Number(u64),
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

/// One request, or a part of one: a line of a request file, or the inline table `request` of a configuration, which may give `fraction`
/// (a seeded draw from the training part) instead of `ids`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    #[serde(default = "inline_id")]
    pub request_id: String,
    pub kind: Kind,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<Id>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fraction: Option<f64>,
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

/// The training part divided by a request. Positions in [`Dataset::train`], ascending, disjoint, complete.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Split {
    pub retain: Vec<u32>,
    pub forget: Vec<u32>,
}

/// Divides the training part: `forget` is the union of all requests, `retain` the rest. `seed` serves `fraction` only.
///
/// # Errors
/// [`Error::Input`] naming the request's file and line: an unknown or repeated id, an empty request, a class without
/// members, nothing retained, or a kind that only graphs have.
pub fn resolve(requests: &[Request], dataset: &Dataset, seed: u64) -> Result<Split> {
    let mut forget = vec![false; dataset.train.len()];
    let mut seen: HashMap<(Kind, u64), &str> = HashMap::new();
    let mut rng = SplitMix64::new(seed);
    for request in requests {
        let chosen = match request.fraction {
            Some(fraction) => draw(request, fraction, dataset, &mut rng)?,
            None => request.ids.iter().map(|id| number(request, id, dataset)).collect::<Result<Vec<u64>>>()?,
        };
        if chosen.is_empty() {
            return Err(Error::input(format!("{}: the request is empty; ids names nothing", request.origin)));
        }
        for id in chosen {
            if let Some(earlier) = seen.insert((request.kind, id), &request.origin) {
                let (here, kind) = (&request.origin, request.kind.name());
                return Err(Error::input(format!("{here}: {kind} id {id} is repeated; first at {earlier}")));
            }
            mark(request, id, dataset, &mut forget)?;
        }
    }
    let of = |wanted: bool| (0..forget.len() as u32).filter(|&p| forget[p as usize] == wanted).collect::<Vec<u32>>();
    let split = Split { retain: of(false), forget: of(true) };
    let all = requests.last().map_or("forget.request", |request| &request.origin);
    match (split.forget.is_empty(), split.retain.is_empty()) {
        (true, _) => Err(Error::input(format!("{all}: there is no request; at least one id is needed"))),
        (_, true) => Err(Error::input(format!(
            "{all}: the requests cover all {} training records, so nothing would be retained; ask for fewer",
            forget.len()
        ))),
        _ => Ok(split),
    }
}

/// A seeded draw of round(fraction · n) positions.
fn draw(request: &Request, fraction: f64, dataset: &Dataset, rng: &mut SplitMix64) -> Result<Vec<u64>> {
    let fail = |why: String| Err(Error::input(format!("{}: {why}", request.origin)));
    if !request.ids.is_empty() {
        return fail("fraction and ids exclude each other; give one of them".to_owned());
    }
    if request.kind != Kind::Sample {
        return fail(format!("fraction goes with kind = \"sample\"; a {} request needs ids", request.kind.name()));
    }
    let n = dataset.train.len();
    let count = (fraction * n as f64).round();
    if !(fraction > 0.0 && fraction < 1.0 && count >= 1.0) {
        return fail(format!("fraction {fraction} of {n} training records draws nothing; expected 0 < fraction < 1"));
    }
    let mut positions: Vec<u64> = (0..n as u64).collect();
    rng.shuffle(&mut positions);
    positions.truncate(count as usize);
    Ok(positions)
}

/// The number of an id, with class names looked up.
fn number(request: &Request, id: &Id, dataset: &Dataset) -> Result<u64> {
    let (origin, kind) = (&request.origin, request.kind.name());
    match (request.kind, id) {
        (Kind::Node | Kind::Edge | Kind::Feature, _) => Err(Error::input(format!(
            "{origin}: a request of kind {kind} needs a graph, but the data set `{}` is not one; expected sample or class",
            dataset.name
        ))),
        (_, Id::Number(number)) => Ok(*number),
        (Kind::Class, Id::Name(name)) => {
            let names = &dataset.class_names;
            names.iter().position(|known| known == name).map(|at| at as u64).ok_or_else(|| {
                let near = did_you_mean(name, names.iter().map(String::as_str));
                Error::input(format!(
                    "{origin}: there is no class `{name}`{near}; the classes are {}",
                    names.join(", ")
                ))
            })
        }
        (_, id) => Err(Error::input(format!("{origin}: {id} is not a {kind} id; expected a whole number ≥ 0"))),
    }
}

fn mark(request: &Request, id: u64, dataset: &Dataset, forget: &mut [bool]) -> Result<()> {
    let (origin, kind) = (&request.origin, request.kind.name());
    let (limit, of) = match request.kind {
        Kind::Class => (dataset.classes, "classes"),
        _ => (forget.len(), "training records"),
    };
    if id >= limit as u64 {
        let last = limit.saturating_sub(1);
        return Err(Error::input(format!("{origin}: unknown {kind} id {id}; there are {limit} {of}, 0 to {last}")));
    }
    if request.kind != Kind::Class {
        forget[id as usize] = true;
        return Ok(());
    }
    let members = dataset.train.y.iter().enumerate().filter(|(_, class)| u64::from(**class) == id);
    let count = members.map(|(position, _)| forget[position] = true).count();
    match count {
        0 => Err(Error::input(format!(
            "{origin}: class {id} (`{}`) has no members in the training part",
            dataset.class_names[id as usize]
        ))),
        _ => Ok(()),
    }
}
