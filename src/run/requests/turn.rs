//! What somebody does who is there all day: plans what waits, and does what may be done.

use super::document::Plan;
use super::evidence::Finished;
use super::how::How;
use super::plan::{Wish, plan};
use super::project::Project;
use super::work::run_ready;
use crate::error::Result;
use crate::ledger::State;

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Turn {
    /// The plan that was made; it waits where the project asks for approval.
    pub plan: Option<Plan>,
    /// What was done, of what had been planned before too.
    pub done: Vec<Finished>,
}

/// Does what is ready, plans what waits in one batch, and does that, unless somebody must approve it first.
///
/// # Errors
/// As [`plan`] and [`super::run`], but that there may be nothing to do.
pub fn turn(project: &Project, wish: &Wish, how: &How, actor: &str) -> Result<Turn> {
    let mut turn = Turn { plan: None, done: run_ready(project, None, how, actor)? };
    if project.write(|desk| Ok(desk.store.in_state(State::Validated)?.is_empty()))? {
        return Ok(turn);
    }
    turn.plan = Some(plan(project, wish, actor)?.0);
    turn.done.extend(run_ready(project, None, how, actor)?);
    Ok(turn)
}
