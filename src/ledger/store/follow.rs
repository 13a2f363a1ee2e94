//! What follows from each entry.

use rusqlite::params;

use super::{STORE, Store, broken};
use crate::error::{Error, Result};
use crate::ledger::canonical;
use crate::ledger::entry::{Entry, Head};
use crate::ledger::state::{REQUEST, State};

impl Store {
    /// Takes over what the chain has beyond it; all of it or nothing.
    ///
    /// # Errors
    /// It is of another chain, or further than this one; the chain tells what cannot be; it cannot be written.
    pub fn follow(&self, entries: &[Entry]) -> Result<()> {
        let from = match self.head()? {
            None => 0,
            Some(head) => {
                let known = entries.iter().position(|entry| entry.seq == head.seq && entry.hash == head.hash);
                1 + known.ok_or_else(|| {
                    let last = entries.last().map_or(0, |entry| entry.seq);
                    Error::CheckFailed(format!(
                        "{STORE} has seen entry {} of a ledger, and this one, of {last} entries, has another or none: \
                         an older ledger may have been put in the place of a newer; bring that back, or run `unlearn \
                         ledger rebuild` to go on from this one",
                        head.seq
                    ))
                })?
            }
        };
        if from == entries.len() {
            return Ok(());
        }
        let all = self.open.unchecked_transaction().map_err(broken)?;
        entries[from..].iter().try_for_each(|entry| self.apply(entry))?;
        if let Some(Head { seq, hash }) = entries.last().map(Entry::head) {
            self.run("INSERT OR REPLACE INTO head VALUES (1, ?1, ?2)", params![seq, hash])?;
        }
        all.commit().map_err(broken)
    }

    fn apply(&self, entry: &Entry) -> Result<()> {
        let text = |key: &str| entry.body[key].as_str();
        let Entry { seq, at, .. } = entry;
        match entry.kind.as_str() {
            "batch.planned" => {
                let plan = canonical::canonical(&entry.body["plan"])?;
                let plan = String::from_utf8_lossy(&plan).into_owned();
                let row = params![text("batch"), seq, at, text("actor"), plan];
                self.run("INSERT INTO batches VALUES (?1, ?2, ?3, ?4, ?5)", row)
            }
            "model.published" => {
                let row = params![seq, at, text("batch"), text("run_sha256"), text("model_sha256")];
                self.run("INSERT INTO models VALUES (?1, ?2, ?3, ?4, ?5)", row)
            }
            "request.extended" => {
                let row = params![text("request"), text("due_at"), text("reason")];
                self.run("UPDATE requests SET due_at = ?2, extended = ?3 WHERE request = ?1", row)
            }
            "request.questioned" => {
                let row = params![text("request"), text("why")];
                self.run("UPDATE requests SET question = ?2 WHERE request = ?1", row)
            }
            "pack.issued" => {
                // One that was made of a single run, outside of a batch, is of no request's own.
                let row = params![text("batch"), text("certificate_sha256")];
                self.run("UPDATE requests SET pack = ?2 WHERE batch = ?1", row)
            }
            kind => match kind.strip_prefix(REQUEST).and_then(State::of) {
                Some(state) => self.come_into(entry, state),
                // Of other commands, or of a time to come.
                None => Ok(()),
            },
        }
    }

    /// A request comes into a state.
    fn come_into(&self, entry: &Entry, state: State) -> Result<()> {
        let impossible = |what: &str| {
            Error::CheckFailed(format!("entry {} of the ledger says `{}`, and {what}", entry.seq, entry.kind))
        };
        let text = |key: &str| entry.body[key].as_str();
        let (seq, at, word) = (entry.seq, &entry.at, state.word());
        let (Some(request), Some(actor)) = (text("request"), text("actor")) else {
            return Err(impossible("not of which request, or not by whom"));
        };
        let (batch, reason) = (text("batch"), text("reason"));
        let before = self.find(request)?.map(|standing| standing.state);
        match (before.as_deref().map(State::of), state) {
            (None, State::Received) => {
                let (kinds, ids) = (text("kinds"), entry.body["ids"].as_u64());
                let row = params![
                    request,
                    seq,
                    text("digest"),
                    kinds,
                    ids,
                    text("received_at"),
                    text("due_at"),
                    word,
                    at,
                    actor
                ];
                self.run(
                    "INSERT INTO requests (request, seq, digest, kinds, ids, received_at, due_at, state, at, actor) \
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
                    row,
                )?;
            }
            (Some(Some(before)), _) if before.leads_to(state) => {
                let (found, already) = (entry.body["found"].as_u64(), entry.body["already"].as_u64());
                self.run(
                    "UPDATE requests SET state = ?2, at = ?3, actor = ?4, batch = ?5, reason = ?6, question = NULL, \
                     found = coalesce(?7, found), already = coalesce(?8, already) WHERE request = ?1",
                    params![request, word, at, actor, batch, reason, found, already],
                )?;
            }
            (None, _) => return Err(impossible("the request was never received")),
            (Some(before), _) => {
                let before = before.map_or("nothing", State::word);
                return Err(impossible(&format!("the request was {before}, which that cannot follow")));
            }
        }
        let row = params![seq, request, word, at, actor, batch, reason];
        self.run("INSERT INTO steps VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)", row)
    }
}
