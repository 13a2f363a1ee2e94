//! Requests come in.

use std::collections::HashMap;
use std::path::Path;

use serde::Serialize;
use serde_json::json;

use super::desk::Desk;
use super::inbox::{self, Body};
use super::project::Project;
use super::sight::Sight;
use crate::base::utc_now;
use crate::data::{Kind, Request, parse_requests};
use crate::error::{Error, Result};
use crate::ledger::{State, canonical, state};

/// Requests that are taken in at once: each is an entry of the ledger, which every command reads.
const MOST: usize = 100_000;
/// Bytes of a delivery.
const MOST_BYTES: u64 = 1 << 30;

/// Reads a delivery, which has an end.
///
/// # Errors
/// It is longer than a delivery may be, no UTF-8, or cannot be read.
pub fn read_delivery(from: impl std::io::Read, name: &Path) -> Result<String> {
    let mut text = Vec::new();
    let mut from = from.take(MOST_BYTES + 1);
    std::io::Read::read_to_end(&mut from, &mut text).map_err(Error::io("read", name))?;
    if text.len() as u64 > MOST_BYTES {
        let name = name.display();
        return Err(Error::input(format!(
            "{name} is longer than {MOST_BYTES} bytes; divide it into several deliveries"
        )));
    }
    String::from_utf8(text).map_err(|_| Error::input(format!("{}: is not UTF-8 text", name.display())))
}

fn not_too_many(count: usize, name: &Path) -> Result<()> {
    match count > MOST {
        true => Err(Error::input(format!(
            "{} has {count} requests, and {MOST} are taken at once; divide it (nothing of it was kept)",
            name.display()
        ))),
        false => Ok(()),
    }
}

/// What became of a delivery.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Added {
    /// Requests that are new.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "requests")))]
    pub received: usize,
    /// Requests that were there, word for word.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "requests")))]
    pub known: usize,
    /// Of all that were waiting for it: those that the data were found to have.
    #[cfg_attr(feature = "cli", schemars(extend("unit" = "requests")))]
    pub validated: usize,
    /// Pseudonyms of those that mean nothing here, and wait for a person to look at them.
    pub questioned: Vec<String>,
}

/// Keeps new requests and looks for what they name. The same request twice is one; one that says something else under a
/// known id is an error, and then nothing is kept.
///
/// # Errors
/// Lines that are no requests; a changed body; a time that is none, or is to come; what writing fails with.
pub fn add(project: &Project, text: &str, name: &Path, actor: &str) -> Result<Added> {
    let csv = name.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("csv"));
    if !csv {
        not_too_many(text.lines().filter(|line| !line.trim().is_empty()).count(), name)?;
    }
    // Rows of a CSV may be of one request.
    let requests = whole(parse_requests(text, name)?);
    not_too_many(requests.len(), name)?;
    project.write(|desk| {
        let fresh = new(desk, requests)?;
        let mut added = Added { received: fresh.bodies.len(), known: fresh.known, ..Added::default() };
        if !fresh.bodies.is_empty() {
            inbox::put(&project.folder, fresh.bodies)?;
            desk.record(fresh.entries.into_iter().map(|mut body| {
                body["actor"] = json!(actor);
                (State::Received.kind(), body)
            }))?;
        }
        let (validated, questioned) = validate(project, desk, actor)?;
        added.validated = validated;
        added.questioned = questioned;
        Ok(added)
    })
}

/// What a delivery has that is new.
#[derive(Default)]
struct Fresh {
    bodies: Vec<Body>,
    entries: Vec<serde_json::Value>,
    known: usize,
}

fn new(desk: &Desk, requests: Vec<(String, Vec<Request>)>) -> Result<Fresh> {
    let (mut fresh, now) = (Fresh::default(), utc_now());
    for (name, parts) in requests {
        let origin = parts[0].origin.clone();
        let fail = |what: String| Error::input(format!("{origin}: {what}"));
        let request = desk.keys.request(&name)?;
        let text = canonical::canonical(&parts)?;
        let digest = desk.keys.pseudonym(&format!("body\0{}", String::from_utf8_lossy(&text)))?;
        if let Some(known) = desk.store.find(&request)? {
            if known.digest != digest {
                return Err(fail(format!(
                    "a request of this request_id was received on {} and says something else; give the new one an id \
                     of its own (nothing of this file was kept)",
                    known.received_at
                )));
            }
            fresh.known += 1;
            continue;
        }
        if let Some(drawn) = parts.iter().find(|part| part.fraction.is_some() || part.planted || part.poisoned) {
            return Err(Error::input(format!(
                "{}: fraction, planted and poisoned belong to experiments; give ids",
                drawn.origin
            )));
        }
        if let Some(span) = parts.iter().find(|part| part.kind == Kind::Span) {
            return Err(Error::input(format!(
                "{}: a project takes whole records, and a request of kind span takes parts of texts; answer it with \
                 `unlearn forget`",
                span.origin
            )));
        }
        let given = parts.iter().find_map(|part| part.received_at.as_deref());
        let received_at = given.map_or(Ok(now.clone()), state::time).map_err(|e| fail(e.to_string()))?;
        if received_at > state::seconds_after(&now, 86_400)? {
            return Err(fail(format!("received_at {received_at} is to come")));
        }
        let kinds: Vec<&str> = Kind::ALL
            .iter()
            .filter(|kind| parts.iter().any(|part| part.kind == **kind))
            .map(|kind| kind.name())
            .collect();
        let ids: usize = parts.iter().map(|part| part.ids.len() + part.nodes.len()).sum();
        fresh.entries.push(json!({
            "request": request, "digest": digest, "kinds": kinds.join(","), "ids": ids,
            "received_at": received_at, "due_at": state::months_after(&received_at, 1)?,
        }));
        fresh.bodies.push(Body { request, parts });
    }
    Ok(fresh)
}

/// Parts by the request that they are of, each kind in one, in the order of the file.
fn whole(requests: Vec<Request>) -> Vec<(String, Vec<Request>)> {
    let (mut all, mut places) = (Vec::<(String, Vec<Request>)>::new(), HashMap::<String, usize>::new());
    for part in requests {
        let at = *places.entry(part.request_id.clone()).or_insert_with(|| {
            all.push((part.request_id.clone(), Vec::new()));
            all.len() - 1
        });
        let parts = &mut all[at].1;
        match parts.iter_mut().find(|known| (known.kind, known.twins) == (part.kind, part.twins)) {
            Some(known) => known.extend(&part),
            None => parts.push(part),
        }
    }
    all
}

/// Looks for what requests name that are received and no more: how many were found, and those that were not.
pub(super) fn validate(project: &Project, desk: &mut Desk, actor: &str) -> Result<(usize, Vec<String>)> {
    let waiting = desk.store.in_state(State::Received)?;
    if waiting.is_empty() {
        return Ok((0, Vec::new()));
    }
    let all = inbox::load(&project.folder)?;
    let bodies: Vec<&Body> = waiting.iter().filter_map(|standing| all.get(&standing.request)).collect();
    let sight = Sight::open(&project.current(&desk.store)?)?;
    let found = sight.each(&bodies)?;
    let (mut entries, mut valid, mut questioned) = (Vec::new(), 0, Vec::new());
    for standing in &waiting {
        let request = &standing.request;
        match found.get(request) {
            Some(Ok(found)) => {
                valid += 1;
                let (records, already) = (found.records, found.already);
                let body = json!({"request": request, "actor": actor, "found": records, "already": already});
                entries.push((State::Validated.kind(), body));
            }
            other => {
                // What exactly was not found would name somebody.
                let why = if other.is_some() { "not-in-data" } else { "body-lost" };
                if standing.question.as_deref() != Some(why) {
                    let body = json!({"request": request, "actor": actor, "why": why});
                    entries.push(("request.questioned".to_owned(), body));
                }
                questioned.push(request.clone());
            }
        }
    }
    desk.record(entries)?;
    Ok((valid, questioned))
}
