//! A graph that changes: nodes and edges arrive and leave, and what is there at a time is the graph of that time.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use crate::data::request::{Kind, Request};
use crate::data::{DataConfig, Dataset, GraphRecords, Id, resolve};
use crate::error::{Error, Result};

/// A line of the file that the key `events` names.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    time: f64,
    event: EventKind,
    kind: Kind,
    ids: Vec<Id>,
}

/// What happens to nodes and edges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EventKind {
    /// They are there from now on; before the first such line that names them they are not.
    Arrive,
    /// They are there no more.
    Leave,
}

/// Something that happens to nodes or edges.
#[derive(Clone, Debug)]
pub struct Event {
    /// In the file's own unit.
    pub time: f64,
    /// Whether they come or go.
    pub what: EventKind,
    /// Nodes or edges.
    pub kind: Kind,
    /// Which.
    pub ids: Vec<Id>,
    /// File and line, for messages.
    pub origin: String,
}

/// Reads events: JSON Lines `{"time":3,"event":"arrive","kind":"edge","ids":[[3,7]]}`, in the order of their times.
///
/// # Errors
/// [`Error::Input`] with file and line.
pub fn read_events(path: &Path) -> Result<Vec<Event>> {
    let text = std::fs::read_to_string(path).map_err(Error::io("read", path))?;
    let mut events: Vec<Event> = Vec::new();
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let origin = format!("{} line {}", path.display(), at + 1);
        let fail = |why: String| Err(Error::input(format!("{origin}: {why}")));
        let Line { time, event, kind, ids } = match serde_json::from_str(line) {
            Ok(line) => line,
            Err(e) => return fail(format!("not an event: {e}; expected time, event (arrive, leave), kind and ids")),
        };
        if !time.is_finite() || events.last().is_some_and(|last| last.time > time) {
            return fail(format!("time {time} is before the line above, or no number; sort events by time"));
        }
        if !matches!(kind, Kind::Node | Kind::Edge) || ids.is_empty() {
            return fail("an event takes ids of kind node or edge, at least one".into());
        }
        events.push(Event { time, what: event, kind, ids, origin });
    }
    match events.is_empty() {
        true => Err(Error::input(format!("{}: holds no event; expected one a line", path.display()))),
        false => Ok(events),
    }
}

/// A node or an edge, its ends in either order.
fn name(kind: Kind, id: &Id) -> (bool, String) {
    let id = match id {
        Id::Edge([u, v]) => Id::Edge([*u.min(v), *u.max(v)]),
        Id::Pair([u, v]) => Id::Pair([u.min(v).clone(), u.max(v).clone()]),
        other => other.clone(),
    };
    (kind == Kind::Edge, id.to_string())
}

/// What is not there once all events up to `until` have happened, one request for each.
fn absent(events: &[Event], until: f64) -> Vec<Request> {
    let mut there: BTreeMap<(bool, String), (bool, Request)> = BTreeMap::new();
    for event in events {
        for id in &event.ids {
            let request = || Request::new(event.kind, vec![id.clone()], &event.origin);
            let known =
                there.entry(name(event.kind, id)).or_insert_with(|| (event.what == EventKind::Leave, request()));
            if event.time <= until {
                known.0 = event.what == EventKind::Arrive;
            }
        }
    }
    there.into_values().filter(|(present, _)| !present).map(|(_, request)| request).collect()
}

/// Takes from a graph of nodes what is not there at `data.until`. Columns of features and classes are those of the
/// whole file, so that a network fits the graph of every time.
///
/// # Errors
/// A file of events that is none; ids that the graph does not have; nothing left to train on.
pub(crate) fn at_time(config: &DataConfig, base_dir: &Path, data: &mut Dataset) -> Result<()> {
    let Some(path) = &config.events else {
        return match config.until {
            Some(_) => Err(Error::input("data.until: is a time of data.events, which is not set")),
            None => Ok(()),
        };
    };
    if data.graph.as_ref().is_none_or(|graph| graph.records != GraphRecords::Nodes) {
        return Err(Error::input("data.events: nodes and edges arrive where the records are nodes; leave it out"));
    }
    let absent = absent(&read_events(&base_dir.join(path))?, config.until.unwrap_or(f64::INFINITY));
    if absent.is_empty() {
        return Ok(());
    }
    let split = resolve(&absent, data, 0)?;
    if let Some(deletion) = &split.deletion {
        data.lose(deletion, &split.retain);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(time: f64, what: EventKind, kind: Kind, ids: &[u64]) -> Event {
        let ids = match kind {
            Kind::Edge => ids.chunks(2).map(|pair| Id::Edge([pair[0], pair[1]])).collect(),
            _ => ids.iter().map(|id| Id::Number(*id)).collect(),
        };
        Event { time, what, kind, ids, origin: format!("line at {time}") }
    }

    #[test]
    fn what_arrives_later_and_what_has_left_is_not_there() {
        let events = [
            event(1.0, EventKind::Arrive, Kind::Node, &[5, 6]),
            event(2.0, EventKind::Leave, Kind::Edge, &[3, 7]),
            event(3.0, EventKind::Leave, Kind::Node, &[5]),
            event(4.0, EventKind::Arrive, Kind::Edge, &[7, 3]),
            event(5.0, EventKind::Arrive, Kind::Node, &[5]),
        ];
        let at = |until: f64| {
            let one = |request: Request| (request.kind.name(), request.ids[0].to_string());
            absent(&events, until).into_iter().map(one).collect::<Vec<_>>()
        };
        let node = |id: &str| ("node", id.to_owned());
        assert_eq!(at(0.0), [node("5"), node("6")]);
        assert_eq!(at(1.0), []);
        let edge = at(2.0);
        assert!(edge.len() == 1 && edge[0].0 == "edge", "{edge:?}");
        assert_eq!(at(3.0).len(), 2);
        assert_eq!(at(4.0), [node("5")]);
        assert_eq!(at(f64::INFINITY), []);
    }
}
