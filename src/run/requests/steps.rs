//! What people decide: to approve a plan, to refuse a request, to take longer.

use serde_json::json;

use super::desk::find;
use super::project::Project;
use crate::base::utc_now;
use crate::error::{Error, Result};
use crate::ledger::state::{EXTENSIONS, REFUSALS, meaning, months_after};
use crate::ledger::{Standing, State};

/// Approves a planned batch: how many requests it has.
///
/// # Errors
/// There is no such batch, or it is past approval.
pub fn approve(project: &Project, batch: &str, actor: &str) -> Result<usize> {
    project.write(|desk| {
        let all = desk.of_batch(batch)?;
        let planned = |standing: &&Standing| standing.state == State::Planned.word();
        let planned: Vec<String> = all.iter().filter(planned).map(|standing| standing.request.clone()).collect();
        if planned.is_empty() {
            return Err(Error::input(match all.first() {
                None => format!("there is no batch `{batch}` with requests in it; `unlearn requests plan` makes one"),
                Some(one) => format!("batch {batch} is {}, and only a planned one is approved", one.state),
            }));
        }
        desk.bring(&planned, State::Approved, actor, json!({"batch": batch}))?;
        Ok(planned.len())
    })
}

/// Refuses a request for a reason of the list; what it said is dropped.
///
/// # Errors
/// An unknown reason or request; one that is being done, or has ended.
pub fn refuse(project: &Project, asked: &str, reason: &str, actor: &str) -> Result<Standing> {
    meaning(REFUSALS, reason)?;
    project.write(|desk| {
        let standing = find(&desk.store, Some(&desk.keys), asked)?;
        allowed(&standing, State::Refused)?;
        desk.bring(std::slice::from_ref(&standing.request), State::Refused, actor, json!({"reason": reason}))?;
        project.tidy(desk)?;
        find(&desk.store, Some(&desk.keys), asked)
    })
}

fn allowed(standing: &Standing, next: State) -> Result<()> {
    match State::of(&standing.state).is_some_and(|state| state.leads_to(next)) {
        true => Ok(()),
        false => Err(Error::input(format!("the request is {}, which {} cannot follow", standing.state, next.word()))),
    }
}

/// Extends a request's time by up to two months; the person must be told within the first.
///
/// # Errors
/// An unknown reason or request; one that has ended or was extended; the first month is over.
pub fn extend(project: &Project, asked: &str, months: u32, reason: &str, actor: &str) -> Result<Standing> {
    meaning(EXTENSIONS, reason)?;
    project.write(|desk| {
        let standing = find(&desk.store, Some(&desk.keys), asked)?;
        let refuse = |what: String| Err(Error::input(format!("the request {what}")));
        if State::of(&standing.state).is_some_and(State::is_end) {
            return refuse(format!("is {}: there is nothing left to wait for", standing.state));
        }
        if standing.extended.is_some() {
            return refuse(format!("was extended before, to {}; the law knows one extension", standing.due_at));
        }
        if utc_now() > standing.due_at {
            return refuse(format!("was due on {}: the person had to be told of more time before", standing.due_at));
        }
        let due_at = months_after(&standing.received_at, 1 + months)?;
        let body = json!({"request": standing.request, "actor": actor, "due_at": due_at, "reason": reason});
        desk.record([("request.extended".to_owned(), body)])?;
        find(&desk.store, Some(&desk.keys), asked)
    })
}

/// Destroys the key of the pseudonyms and the keys of the packs, and says so first.
///
/// # Errors
/// A request has no end yet; the key is gone already.
pub fn destroy_key(project: &Project, actor: &str) -> Result<()> {
    project.write(|desk| {
        if !desk.keys.linkable() {
            return Err(Error::input("the key of the pseudonyms was destroyed before"));
        }
        let open = desk.store.due_before("9999-12-31T00:00:00Z")?.len();
        if open > 0 {
            return Err(Error::input(format!(
                "{open} requests have no end yet, and without the key nobody could tell whose they are; finish or \
                 refuse them first"
            )));
        }
        desk.record([("key.destroyed".to_owned(), json!({"actor": actor}))])?;
        project.destroy_pack_keys()?;
        desk.keys.destroy()
    })
}
