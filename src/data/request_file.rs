//! Request files and index lists, read line by line so that every complaint can name its line.

use std::path::Path;

use super::request::{Id, Kind, Request};
use super::source::Lines;
use crate::base::did_you_mean;
use crate::error::{Error, Result};

/// Reads a request file: JSON Lines, or CSV (by the ending `.csv`) with the columns `request_id,kind,ids`, where `ids`
/// is a list separated by blanks or semicolons (edges, and single features of nodes, as `u-v`). Nodes that lose all
/// their features stand under `nodes`: `{"request_id":"r1","kind":"feature","nodes":[5]}`, or a further CSV column. A
/// CSV request may take several rows of the same id; each stays an entry of its own, so that messages name its line.
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
        let named = ["ids", "nodes", "planted", "poisoned"].iter().any(|key| value.get(key).is_some());
        if value.get("request_id").is_none() || !named {
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
    let mut places = Lines::new(text);
    let mut place = |position: Option<&csv::Position>| origin(path, places.of(position.map_or(0, csv::Position::byte)));
    let header =
        reader.headers().map_err(|e| Error::input(format!("{}: malformed CSV: {e}", place(e.position()))))?.clone();
    let column = |names: &[&str]| {
        header.iter().position(|name| names.contains(&name)).ok_or_else(|| {
            Error::input(format!("{}: no column `{}`; expected request_id,kind,ids", origin(path, 1), names[0]))
        })
    };
    let (id_at, kind_at, ids_at) = (column(&["request_id"])?, column(&["kind"])?, column(&["ids", "id"])?);
    let nodes_at = header.iter().position(|name| name == "nodes");
    let mut requests: Vec<Request> = vec![];
    for row in reader.records() {
        let row = row.map_err(|e| Error::input(format!("{}: malformed CSV: {e}", place(e.position()))))?;
        let origin = place(row.position());
        let (kind, ids) = (parse_kind(&row[kind_at], &origin)?, parse_ids(&row[ids_at]));
        let nodes = match nodes_at.map(|at| parse_nodes(&row[at])) {
            Some(None) => return Err(Error::input(format!("{origin}: nodes are not a list of node ids"))),
            Some(Some(nodes)) => nodes,
            None => vec![],
        };
        requests.push(Request { request_id: row[id_at].to_owned(), nodes, ..Request::new(kind, ids, &origin) });
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

fn parse_nodes(cell: &str) -> Option<Vec<u64>> {
    let number = |id| match id {
        Id::Number(node) => Some(node),
        _ => None,
    };
    parse_ids(cell).into_iter().map(number).collect()
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

/// Ids for `--indices`: a half-open range `A..B`, or a file with one id per line or one JSON array. `known` are the ids
/// of the training records, ascending: positions, or nodes of a graph, of which a range names those in it. The order of
/// a file is kept.
///
/// # Errors
/// [`Error::Input`] naming the argument or the file's line: malformed, unknown, repeated, or none at all.
pub fn parse_indices(argument: &str, known: &[u32]) -> Result<Vec<u32>> {
    let (count, end) = (known.len(), known.last().map_or(0, |id| u64::from(*id) + 1));
    let path = Path::new(argument);
    let listed: Vec<(u64, String)> = match argument.split_once("..").map(|(a, b)| (a.trim().parse(), b.trim().parse()))
    {
        Some((Ok(from), Ok(to))) => {
            // Checked first: a range may name more ids than memory holds.
            let (from, to): (u64, u64) = (from, to);
            // Ids with gaps are those of a graph's training nodes: a range names the ones in it.
            let gaps = (count as u64) < end;
            if from >= to || (to > end && !gaps) {
                return Err(Error::input(format!(
                    "--indices {argument}: expected A..B with A < B ≤ {end}, behind the last of the {count} training \
                        records (B is not included)"
                )));
            }
            let inside: Vec<u64> = match gaps {
                true => known.iter().map(|id| u64::from(*id)).filter(|id| (from..to).contains(id)).collect(),
                false => (from..to).collect(),
            };
            inside.into_iter().map(|id| (id, format!("--indices {argument}"))).collect()
        }
        _ => read_indices(path)?,
    };
    let mut seen = vec![false; count];
    for (id, origin) in &listed {
        let place = u32::try_from(*id).ok().and_then(|id| known.binary_search(&id).ok());
        match place.map(|at| &mut seen[at]) {
            None => {
                return Err(Error::input(format!(
                    "{origin}: unknown id {id}; it is not among the {count} training records, the last of which is {}",
                    end.saturating_sub(1)
                )));
            }
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
