//! Which requests wait for a plan, and which plans can no longer be done.

use std::collections::BTreeSet;

use serde_json::json;

use super::desk::{Desk, find};
use super::document::{self, Plan};
use super::inbox;
use super::project::{Project, request_file};
use crate::error::{Error, Result};
use crate::ledger::{Standing, State};
use crate::run::evidence::hash_of;
use crate::run::folder::RunFolder;

/// Whether a plan cannot be done as it stands: another model serves by now, or a request has left it.
pub(super) fn stale(plan: &Plan, desk: &Desk, run_sha256: &str) -> Result<Option<String>> {
    if plan.run_sha256 != run_sha256 {
        return Ok(Some("another model serves than when it was made".into()));
    }
    for asked in &plan.requests {
        let standing = desk.store.find(&asked.request)?;
        if standing.and_then(|standing| standing.batch).as_deref() != Some(plan.batch.as_str()) {
            return Ok(Some("a request of it is in it no more".into()));
        }
    }
    Ok(None)
}

/// Requests of plans that cannot be done any more, and of one that is given up, wait again.
pub(super) fn give_up(
    project: &Project,
    desk: &mut Desk,
    current: &RunFolder,
    again: Option<&str>,
    actor: &str,
) -> Result<()> {
    let run_sha256 = hash_of(&current.info())?;
    let mut waiting = desk.store.in_state(State::Planned)?;
    waiting.extend(desk.store.in_state(State::Approved)?);
    let batches: BTreeSet<String> = waiting.iter().filter_map(|standing| standing.batch.clone()).collect();
    if let Some(batch) = again.filter(|batch| !batches.contains(*batch)) {
        let all = desk.of_batch(batch)?;
        let of = |state: State| all.iter().filter(move |one| one.state == state.word()).map(|one| one.request.clone());
        let running: Vec<String> = of(State::Running).collect();
        if running.is_empty() && of(State::RolledBack).next().is_none() {
            return Err(Error::input(format!(
                "--again {batch}: no batch of that name is planned, at work, or was rolled back"
            )));
        }
        // One that cannot go on: its run, if there is one, is never published.
        let more = json!({"batch": batch, "reason": "given-up"});
        desk.bring(&running, State::RolledBack, actor, more)?;
    }
    for batch in batches {
        let path = project.batch(&batch).join("plan.json");
        let why = match again == Some(batch.as_str()) {
            true => Some("it was given up".to_owned()),
            false => match document::read::<Plan>(&path) {
                Ok(plan) => stale(&plan, desk, &run_sha256)?,
                Err(e) => Some(e.to_string()),
            },
        };
        if let Some(why) = why {
            let of = |standing: &&Standing| standing.batch.as_ref() == Some(&batch);
            let requests: Vec<String> = waiting.iter().filter(of).map(|standing| standing.request.clone()).collect();
            project.say(&format!("batch {batch} waits no more: {why}"));
            desk.bring(&requests, State::Validated, actor, json!({}))?;
            std::fs::remove_file(request_file(&project.batch(&batch))).unwrap_or_default();
        }
    }
    Ok(())
}

/// The requests of the plan, the most urgent first.
pub(super) fn chosen(desk: &Desk, asked: &[String], again: Option<&str>) -> Result<Vec<Standing>> {
    let mut all = Vec::new();
    for asked in asked {
        let standing = find(&desk.store, Some(&desk.keys), asked)?;
        if !State::of(&standing.state).is_some_and(|state| state.leads_to(State::Planned)) {
            let origin = inbox::origin(&standing.request);
            return Err(Error::input(format!("{origin} is {}, and cannot be planned", standing.state)));
        }
        all.push(standing);
    }
    if all.is_empty() {
        all = desk.store.in_state(State::Validated)?;
        if let Some(batch) = again {
            let again = desk.of_batch(batch)?.into_iter().filter(|standing| standing.state == State::RolledBack.word());
            all.extend(again);
        }
    }
    all.sort_by(|a, b| (&a.due_at, &a.request).cmp(&(&b.due_at, &b.request)));
    all.dedup();
    match all.is_empty() {
        false => Ok(all),
        true => Err(Error::input("no request waits for a plan; `unlearn requests list` says where each stands")),
    }
}
