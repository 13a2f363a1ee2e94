//! Request files and index lists, read line by line so that every complaint can name its line.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::Path;

use super::request::{INLINE, Kind, Request};
use super::request_id::Id;
use super::source::Lines;
use crate::base::did_you_mean;
use crate::error::{Error, Result};

/// Reads a request file: JSON Lines, or CSV (by the ending `.csv`). A CSV has a column `id` with one id a row, or `ids`
/// with a list separated by blanks, commas or semicolons (edges, and single features of nodes, as `u-v`); without a
/// column `kind` ids are those of samples, without `request_id` the file is one request. Nodes that lose all their
/// features stand under `nodes`: `{"request_id":"r1","kind":"feature","nodes":[5]}`, or a further CSV column. A CSV
/// request may take several rows of the same id; each stays an entry of its own, so that messages name its line.
///
/// # Errors
/// [`Error::Input`] naming file and line.
pub fn read_requests(path: &Path) -> Result<Vec<Request>> {
    let text = std::fs::read_to_string(path).map_err(|e| match e.kind() {
        std::io::ErrorKind::InvalidData => Error::input(format!("{}: is not UTF-8 text", path.display())),
        _ => Error::io("read", path)(e),
    })?;
    parse_requests(&text, path)
}

/// [`read_requests`] of a text that was read already; `path` stands in messages, and its ending says what it is.
///
/// # Errors
/// As [`read_requests`].
pub fn parse_requests(text: &str, path: &Path) -> Result<Vec<Request>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let csv = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("csv"));
    let requests = if csv { parse_csv(text, path)? } else { parse_json_lines(text, path)? };
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
    let mut used: HashMap<String, String> = HashMap::new();
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let origin = origin(path, at as u64 + 1);
        // Straight from the text: a JSON value would keep the last of two equal keys, and lose what the first named.
        let mut request: Request = serde_json::from_str(line).map_err(|e| {
            Error::input(format!(
                "{origin} column {}: not a request: {}; expected one JSON object with request_id, kind and ids",
                e.column(),
                said(&e)
            ))
        })?;
        let lacks =
            |what: &str| Err(Error::input(format!("{origin}: expected the keys request_id, kind and ids{what}")));
        if request.request_id == INLINE && !line.contains("\"request_id\"") {
            return lacks("; there is no request_id");
        }
        let found = request.pattern.is_some() || request.text.is_some();
        if request.ids.is_empty() && request.nodes.is_empty() && !request.planted && !request.poisoned && !found {
            return lacks("; the request is empty");
        }
        if let Some(earlier) = used.insert(request.request_id.clone(), origin.clone()) {
            return Err(Error::input(format!(
                "{origin}: its request_id was used before, at {earlier}; a request is one line, or rows of a CSV"
            )));
        }
        request.origin = origin;
        requests.push(request);
    }
    Ok(requests)
}

/// What serde says, without its own place in a text of one line.
fn said(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or_default().to_owned()
}

fn parse_csv(text: &str, path: &Path) -> Result<Vec<Request>> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let mut places = Lines::new(text);
    let mut place = |position: Option<&csv::Position>| origin(path, places.of(position.map_or(0, csv::Position::byte)));
    let header =
        reader.headers().map_err(|e| Error::input(format!("{}: malformed CSV: {e}", place(e.position()))))?.clone();
    let column = |name: &str| header.iter().position(|known| known == name);
    let (id_at, kind_at, nodes_at) = (column("request_id"), column("kind"), column("nodes"));
    let (one_at, list_at) = (column("id"), column("ids"));
    if let Some(stray) = header.iter().find(|name| !COLUMNS.contains(name)) {
        let near = did_you_mean(stray, COLUMNS.iter().copied());
        return Err(Error::input(format!(
            "{}: unknown column `{stray}`{near}; expected id or ids and, if wanted, request_id, kind, nodes, twins, \
             received_at",
            origin(path, 1)
        )));
    }
    if one_at.is_none() && list_at.is_none() && nodes_at.is_none() {
        return Err(Error::input(format!("{}: no column `id`; expected one id a row", origin(path, 1))));
    }
    let whole = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let mut requests: Vec<Request> = vec![];
    for row in reader.records() {
        let row = row.map_err(|e| Error::input(format!("{}: malformed CSV: {e}", place(e.position()))))?;
        let origin = place(row.position());
        let kind = kind_at.map_or(Ok(Kind::Sample), |at| parse_kind(&row[at], &origin))?;
        let cell = |at: Option<usize>| at.map_or("", |at| &row[at]);
        let mut ids = parse_ids(cell(list_at), kind);
        ids.extend(parse_id(cell(one_at), kind));
        let nodes = parse_ids(cell(nodes_at), Kind::Node);
        let twins = match cell(column("twins")) {
            "" | "false" | "0" => false,
            "true" | "1" => true,
            other => return Err(Error::input(format!("{origin}: twins is `{other}`; expected true or false"))),
        };
        let request_id = match cell(id_at) {
            "" if id_at.is_some() => return Err(Error::input(format!("{origin}: request_id is empty"))),
            "" => whole.clone(),
            name => name.to_owned(),
        };
        let received_at = Some(cell(column("received_at")).to_owned()).filter(|time| !time.is_empty());
        requests.push(Request { request_id, nodes, twins, received_at, ..Request::new(kind, ids, &origin) });
    }
    Ok(requests)
}

/// The columns of a CSV of requests.
const COLUMNS: [&str; 7] = ["request_id", "kind", "id", "ids", "nodes", "twins", "received_at"];

fn parse_kind(word: &str, origin: &str) -> Result<Kind> {
    Kind::ALL.into_iter().find(|kind| kind.name() == word).ok_or_else(|| {
        let near = did_you_mean(word, Kind::ALL.map(Kind::name));
        let names = Kind::ALL.map(Kind::name).join(", ");
        Error::input(format!("{origin}: unknown kind `{word}`{near}; expected one of {names}"))
    })
}

/// A cell that holds one id: all of it, blanks and dashes too, unless it is a JSON array.
fn parse_id(cell: &str, kind: Kind) -> Vec<Id> {
    let pairs = matches!(kind, Kind::Edge | Kind::Feature);
    match cell.trim() {
        "" => vec![],
        cell if pairs || cell.starts_with('[') => parse_ids(cell, kind),
        cell => vec![Id::of_word(cell)],
    }
}

/// `3 5;7`, `[3,5]`, `3-5` (an edge), or names. What is not a number is a name; `resolve` judges it.
fn parse_ids(cell: &str, kind: Kind) -> Vec<Id> {
    let cell = cell.trim();
    if let Ok(ids) = serde_json::from_str::<Vec<Id>>(cell) {
        return ids;
    }
    let pairs = matches!(kind, Kind::Edge | Kind::Feature);
    let words = cell.split(|c: char| c == ';' || c == ',' || c.is_whitespace()).filter(|word| !word.is_empty());
    words
        .map(|word| match word.split_once('-').filter(|_| pairs).map(|(u, v)| (Id::of_word(u), Id::of_word(v))) {
            Some((Id::Number(u), Id::Number(v))) => Id::Edge([u, v]),
            Some((u, v)) => match (u.text(), v.text()) {
                (Some(u), Some(v)) => Id::Pair([u, v]),
                _ => Id::Name(word.to_owned()),
            },
            None => Id::of_word(word),
        })
        .collect()
}

/// Requests as JSON Lines, as [`read_requests`] takes them; the parts of one request, which a CSV has in rows, in one
/// line.
///
/// # Errors
/// None that is known: a request is numbers and texts.
pub fn request_lines<'a>(parts: impl IntoIterator<Item = &'a Request>) -> Result<String> {
    let mut whole: Vec<Request> = Vec::new();
    let mut places: HashMap<(&str, Kind, bool), usize> = HashMap::new();
    for part in parts {
        match places.entry((&part.request_id, part.kind, part.twins)) {
            Entry::Occupied(at) => whole[*at.get()].extend(part),
            Entry::Vacant(free) => {
                free.insert(whole.len());
                whole.push(part.clone());
            }
        }
    }
    let line = |request: &Request| {
        let text = serde_json::to_string(request).map_err(|e| Error::internal(format!("a request: {e}")))?;
        Ok(text + "\n")
    };
    whole.iter().map(line).collect()
}
