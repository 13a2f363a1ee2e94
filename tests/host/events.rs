//! Nodes and edges that arrive and leave: the graph of a time, and events that are none.

use std::path::Path;

use unlearn::data::{self, DataConfig, Dataset};

use super::data_files::{folder, put};
use super::requests::refused;

fn karate(dir: &Path, events: &str, until: Option<f64>) -> unlearn::Result<Dataset> {
    put(dir, "events.jsonl", events.as_bytes());
    let config = DataConfig { events: Some("events.jsonl".into()), until, ..DataConfig::new("karate") };
    data::load(&config, dir)
}

const EVENTS: &str = "{\"time\":1,\"event\":\"arrive\",\"kind\":\"node\",\"ids\":[5,7]}\n\n\
    {\"time\":2.5,\"event\":\"leave\",\"kind\":\"edge\",\"ids\":[[0,1]]}\n";

#[test]
fn the_graph_of_a_time_has_what_is_there_then() {
    let dir = folder();
    let whole = data::load(&DataConfig::new("karate"), dir.path()).unwrap();
    let at = |until| {
        let data = karate(dir.path(), EVENTS, until).unwrap();
        let graph = data.graph.unwrap();
        let of = |node: u32| graph.graph.edges.iter().filter(|edge| edge.contains(&node)).count();
        let parts = [&graph.train, &graph.validation, &graph.test];
        let there = |node: u32| parts.iter().any(|part| part.contains(&node));
        (of(5), there(5), graph.graph.has_edge(0, 1), (data.shape, data.classes))
    };
    let same = (whole.shape.clone(), whole.classes);
    assert_eq!(at(Some(0.0)), (0, false, true, same.clone()));
    let (edges, _, joined, _) = at(Some(1.0));
    assert!(edges > 0 && joined);
    assert!(!at(Some(2.5)).2 && !at(None).2);
    assert_eq!(at(None).3, same);
}

#[test]
fn what_is_no_event_is_refused_with_its_line() {
    let dir = folder();
    let second = |line: &str| karate(dir.path(), &format!("{EVENTS}{line}\n"), None);
    let event = |time: &str, what: &str, kind: &str, ids: &str| {
        format!("{{\"time\":{time},\"event\":\"{what}\",\"kind\":\"{kind}\",\"ids\":{ids}}}")
    };
    refused(second(&event("2", "leave", "node", "[3]")), &["line 4", "before the line above"]);
    refused(second(&event("3", "stay", "node", "[3]")), &["line 4", "arrive"]);
    refused(second(&event("3", "leave", "class", "[3]")), &["line 4", "node or edge"]);
    refused(second(&event("3", "leave", "node", "[]")), &["line 4", "at least one"]);
    refused(second(&event("3", "leave", "node", "[99]")), &["line 4", "99"]);
    refused(second(&event("3", "leave", "edge", "[[0,9]]")), &["line 4", "edge"]);
    refused(second("{\"time\":3}"), &["line 4", "missing field"]);
    refused(karate(dir.path(), "\n", None), &["holds no event"]);
    let until = DataConfig { until: Some(1.0), ..DataConfig::new("karate") };
    refused(data::load(&until, dir.path()), &["data.until", "data.events"]);
}
