//! Erasure requests: which training records, classes, nodes, edges or features are to be forgotten.

use std::collections::HashMap;
use std::path::Path;

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

/// One request: a line of a request file, or the inline table `request` of a configuration, which may give `fraction`
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

/// Reads a request file: JSON Lines, or CSV (by the ending `.csv`) with the columns `request_id,kind,ids`, where `ids`
/// is a list separated by blanks or semicolons (edges as `u-v`) and rows of one request id and kind are one request.
///
/// # Errors
/// [`Error::Input`] naming file and line.
pub fn read_requests(path: &Path) -> Result<Vec<Request>> {
    let text = std::fs::read_to_string(path).map_err(|e| match e.kind() {
        std::io::ErrorKind::InvalidData => Error::input(format!("{}: is not UTF-8 text", path.display())),
        _ => Error::io("read", path)(e),
    })?;
    let csv = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("csv"));
    let requests = if csv { parse_csv(&text, path)? } else { parse_json_lines(&text, path)? };
    match requests.is_empty() {
        true => Err(Error::input(format!("{}: holds no request; expected one per line", path.display()))),
        false => Ok(requests),
    }
}

fn origin(path: &Path, line: u64) -> String {
    format!("{} line {line}", path.display())
}

fn parse_json_lines(text: &str, path: &Path) -> Result<Vec<Request>> {
    let mut requests: Vec<Request> = vec![];
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let origin = origin(path, at as u64 + 1);
        let value: serde_json::Value = serde_json::from_str(line)
            .map_err(|e| Error::input(format!("{origin} column {}: not a JSON object: {e}", e.column())))?;
        if value.get("request_id").is_none() || value.get("ids").is_none() {
            return Err(Error::input(format!("{origin}: expected the keys request_id, kind and ids")));
        }
        let mut request: Request = serde_json::from_value(value).map_err(|e| {
            Error::input(format!("{origin}: not a request: {e}; ids are numbers, [u,v] or class names"))
        })?;
        if let Some(earlier) = requests.iter().find(|r| r.request_id == request.request_id) {
            return Err(Error::input(format!(
                "{origin}: request_id `{}` was used before, at {}",
                request.request_id, earlier.origin
            )));
        }
        request.origin = origin;
        requests.push(request);
    }
    Ok(requests)
}

fn parse_csv(text: &str, path: &Path) -> Result<Vec<Request>> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let failed = |e: csv::Error| {
        let line = e.position().map_or(1, csv::Position::line);
        Error::input(format!("{}: malformed CSV: {e}", origin(path, line)))
    };
    let header = reader.headers().map_err(failed)?.clone();
    let column = |names: &[&str]| {
        header.iter().position(|name| names.contains(&name)).ok_or_else(|| {
            Error::input(format!("{}: no column `{}`; expected request_id,kind,ids", origin(path, 1), names[0]))
        })
    };
    let (id_at, kind_at, ids_at) = (column(&["request_id"])?, column(&["kind"])?, column(&["ids", "id"])?);
    let mut requests: Vec<Request> = vec![];
    for row in reader.records() {
        let row = row.map_err(failed)?;
        let origin = origin(path, row.position().map_or(0, csv::Position::line));
        let request = Request {
            request_id: row[id_at].to_owned(),
            kind: parse_kind(&row[kind_at], &origin)?,
            ids: parse_ids(&row[ids_at]),
            fraction: None,
            origin,
        };
        if request.ids.is_empty() {
            return Err(Error::input(format!("{}: the request is empty; ids names nothing", request.origin)));
        }
        match requests.iter_mut().find(|r| r.request_id == request.request_id && r.kind == request.kind) {
            Some(earlier) => {
                if let Some(id) = request.ids.iter().find(|id| earlier.ids.contains(id)) {
                    let (here, there) = (&request.origin, &earlier.origin);
                    return Err(Error::input(format!("{here}: id {id} is repeated; first at {there}")));
                }
                earlier.ids.extend(request.ids);
            }
            None => requests.push(request),
        }
    }
    Ok(requests)
}

fn parse_kind(word: &str, origin: &str) -> Result<Kind> {
    let kinds = [Kind::Sample, Kind::Class, Kind::Node, Kind::Edge, Kind::Feature];
    kinds.into_iter().find(|kind| kind.name() == word).ok_or_else(|| {
        let near = did_you_mean(word, kinds.map(Kind::name));
        Error::input(format!("{origin}: unknown kind `{word}`{near}; expected sample, class, node, edge or feature"))
    })
}

/// `3 5;7`, `[3,5]`, `3-5` (an edge), or a class name. What is not a number is a name; `resolve` judges it.
fn parse_ids(cell: &str) -> Vec<Id> {
    let cell = cell.trim();
    if let Ok(ids) = serde_json::from_str::<Vec<Id>>(cell) {
        return ids;
    }
    let words = cell.split(|c: char| c == ';' || c == ',' || c.is_whitespace()).filter(|word| !word.is_empty());
    words
        .map(|word| match (word.parse(), word.split_once('-').map(|(u, v)| (u.parse(), v.parse()))) {
            (Ok(id), _) => Id::Number(id),
            (_, Some((Ok(u), Ok(v)))) => Id::Edge([u, v]),
            _ => Id::Name(word.to_owned()),
        })
        .collect()
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
            "{origin}: a {kind} request needs a graph, but the data set `{}` is not one; expected sample or class",
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

/// Positions for `--indices`: a half-open range `A..B`, or a file with one id per line or one JSON array. `len` is the
/// size of the training part. The order of a file is kept.
///
/// # Errors
/// [`Error::Input`] naming the argument or the file's line: malformed, unknown, repeated, or none at all.
pub fn parse_indices(argument: &str, len: usize) -> Result<Vec<u32>> {
    let path = Path::new(argument);
    let listed: Vec<(u64, String)> = match argument.split_once("..").map(|(a, b)| (a.trim().parse(), b.trim().parse()))
    {
        Some((Ok(from), Ok(to))) => {
            // Checked first: a range may name more ids than memory holds.
            let (from, to): (u64, u64) = (from, to);
            if from >= to || to > len as u64 {
                return Err(Error::input(format!(
                    "--indices {argument}: expected A..B with A < B ≤ {len}, the number of training records (B is not included)"
                )));
            }
            (from..to).map(|id| (id, String::new())).collect()
        }
        _ => read_indices(path)?,
    };
    let mut seen = vec![false; len];
    for (id, origin) in &listed {
        match seen.get_mut(*id as usize) {
            None => return Err(Error::input(format!("{origin}: unknown id {id}; there are {len} training records"))),
            Some(true) => return Err(Error::input(format!("{origin}: id {id} is repeated"))),
            Some(slot) => *slot = true,
        }
    }
    match listed.is_empty() {
        true => Err(Error::input(format!("{argument}: holds no id; expected one per line, or a JSON array"))),
        false => Ok(listed.into_iter().map(|(id, _)| id as u32).collect()),
    }
}

fn read_indices(path: &Path) -> Result<Vec<(u64, String)>> {
    let text = std::fs::read_to_string(path).map_err(Error::io("read", path))?;
    if text.trim_start().starts_with('[') {
        let ids: Vec<u64> = serde_json::from_str(&text).map_err(|e| {
            Error::input(format!(
                "{}: not an array of ids: {e}; expected e.g. [3, 5, 8]",
                origin(path, e.line() as u64)
            ))
        })?;
        return Ok(ids.into_iter().map(|id| (id, path.display().to_string())).collect());
    }
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(at, line)| {
            let origin = origin(path, at as u64 + 1);
            match line.trim().parse() {
                Ok(id) => Ok((id, origin)),
                Err(_) => {
                    Err(Error::input(format!("{origin}: `{}` is not an id; expected a whole number ≥ 0", line.trim())))
                }
            }
        })
        .collect()
}
