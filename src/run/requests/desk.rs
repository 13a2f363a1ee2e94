//! What a writer has, and how a request is found.

use serde_json::{Value, json};

use crate::error::{Error, Result};
use crate::ledger::{Chain, Keys, Standing, State, Store};

/// What a writer has, until it is dropped.
pub(super) struct Desk {
    pub chain: Chain,
    pub store: Store,
    pub keys: Keys,
}

/// The request of this id, or whose pseudonym begins so.
pub(super) fn find(store: &Store, keys: Option<&Keys>, asked: &str) -> Result<Standing> {
    let linked = keys.filter(|keys| keys.linkable()).map(|keys| keys.request(asked)).transpose()?;
    if let Some(found) = linked.map(|request| store.find(&request)).transpose()?.flatten() {
        return Ok(found);
    }
    let hex = asked.len() >= 6 && asked.bytes().all(|b| b.is_ascii_hexdigit());
    let mut some = if hex { store.beginning(asked)? } else { Vec::new() };
    match (some.pop(), some.is_empty()) {
        (Some(found), true) => Ok(found),
        (Some(_), false) => Err(Error::input(format!("several requests begin with {asked}; give more of it"))),
        _ => Err(Error::input("there is no request of that id or pseudonym; `unlearn requests list` has them all")),
    }
}

impl Desk {
    /// Writes entries, and then what follows from them.
    pub fn record(&mut self, items: impl IntoIterator<Item = (String, Value)>) -> Result<()> {
        self.chain.append_all(items)?;
        self.store.follow(self.chain.entries())
    }

    /// Brings requests into a state.
    pub fn bring(&mut self, requests: &[String], state: State, actor: &str, more: Value) -> Result<()> {
        let body = |request: &String| {
            let mut body = json!({"request": request, "actor": actor});
            if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more.clone()) {
                body.extend(more);
            }
            (state.kind(), body)
        };
        self.record(requests.iter().map(body))
    }

    /// The requests of a batch.
    pub fn of_batch(&self, batch: &str) -> Result<Vec<Standing>> {
        self.store.in_batch(batch)
    }
}
