//! What the ledger tells of the requests of a pack.

use std::collections::HashMap;

use serde_json::Value;

use super::certificate::Asked;
use crate::ledger::Entry;

/// Whether an entry tells that this model was published.
pub(super) fn publishes(entry: &Entry, model: &str) -> bool {
    entry.kind == "model.published" && speaks_of(entry, model)
}

/// Whether an entry names something, a request by its pseudonym or a hash: it is a value somewhere in the body.
pub(super) fn speaks_of(entry: &Entry, word: &str) -> bool {
    texts(entry).contains(&word)
}

/// The texts that are values somewhere in the body of an entry: what it speaks of.
pub(super) fn texts(entry: &Entry) -> Vec<&str> {
    fn inside<'a>(value: &'a Value, all: &mut Vec<&'a str>) {
        match value {
            Value::String(text) => all.push(text),
            Value::Array(values) => values.iter().for_each(|value| inside(value, all)),
            Value::Object(values) => values.values().for_each(|value| inside(value, all)),
            _ => {}
        }
    }
    let mut all = Vec::new();
    inside(&entry.body, &mut all);
    all
}

/// The requests with the times that the ledger has of them; the last that was said counts.
pub(super) fn received(mut asked: Vec<Asked>, ledger: &[Entry]) -> Vec<Asked> {
    let mut known: HashMap<String, &mut Asked> = asked.iter_mut().map(|one| (one.pseudonym.clone(), one)).collect();
    for entry in ledger {
        let told = |key: &str| entry.body[key].as_str().map(str::to_owned);
        let times = (told("received_at"), told("due_at"));
        if times == (None, None) {
            continue;
        }
        for text in texts(entry) {
            if let Some(one) = known.get_mut(text) {
                one.received_at = times.0.clone().or(one.received_at.take());
                one.due_at = times.1.clone().or(one.due_at.take());
            }
        }
    }
    asked
}
