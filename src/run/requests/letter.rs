//! The paragraph for the answer to a person, in plain English and without what only the operator should know.

use super::document::{self, Outcome, Plan};
use super::project::{Project, View};
use crate::error::Result;
use crate::ledger::state::{EXTENSIONS, REFUSALS, meaning};
use crate::ledger::{Standing, State};
use crate::methods::Tier;

/// What may be told of a request, as it stands.
///
/// # Errors
/// There is no such request; the documents of its batch cannot be read.
pub fn explain(project: &Project, view: &View, asked: &str) -> Result<String> {
    let standing = view.find(asked)?;
    let day = |time: &str| time.split('T').next().unwrap_or_default().to_owned();
    let mut text = format!("We received your request on {}.", day(&standing.received_at));
    text += &match State::of(&standing.state) {
        Some(State::Published) => published(project, &standing)?,
        Some(State::Refused) => {
            let code = standing.reason.as_deref().unwrap_or_default();
            let why = meaning(REFUSALS, code).unwrap_or("a reason that we will give you on demand");
            format!(
                " We decided on {} not to act on it: {why}. You may lodge a complaint with a supervisory authority and \
                 seek a judicial remedy.",
                day(&standing.at)
            )
        }
        Some(State::RolledBack) => format!(
            " A first attempt to remove your data from our model did not pass our own checks, and was not put to use. \
             We are preparing another, and will answer by {}.",
            day(&standing.due_at)
        ),
        Some(State::Received) if standing.question.is_some() => format!(
            " We could not find what it names in the data that the model was trained on. We will answer by {}, and may \
             ask you for more information.",
            day(&standing.due_at)
        ),
        _ => format!(" It is being worked on, and we will answer by {}.", day(&standing.due_at)),
    };
    if let (Some(code), false) = (&standing.extended, State::of(&standing.state).is_some_and(State::is_end)) {
        let why = meaning(EXTENSIONS, code).unwrap_or("it takes longer than usual");
        text += &format!(" We need more than one month, since {why}.");
    }
    Ok(text + "\n")
}

fn published(project: &Project, standing: &Standing) -> Result<String> {
    let on = standing.at.split('T').next().unwrap_or_default();
    let Some(batch) = &standing.batch else { return Ok(String::new()) };
    let folder = project.batch(batch);
    let plan: Plan = document::read(&folder.join("plan.json"))?;
    let outcome: Outcome = document::read(&folder.join("outcome.json"))?;
    let asked = plan.requests.iter().find(|asked| asked.request == standing.request);
    let (found, already) = asked.map_or((0, 0), |asked| (asked.found, asked.already));
    if plan.method.is_none() {
        return Ok(format!(
            " Everything that it names ({already} records) had been removed before, at another request: since {on} at \
             the latest no model of ours in use was trained on it."
        ));
    }
    let claim = match outcome.tier {
        Some(Tier::Exact) => {
            "the model now in use is the one that training without your data gives: none of its parameters, and \
             nothing that was computed from the data for it, was made from them"
        }
        Some(Tier::Distribution) => {
            "the model now in use follows the same law of chance as one that was trained without your data"
        }
        Some(Tier::Certified) => {
            "the model now in use is proven, under stated conditions, to be close to one that was trained without \
             your data"
        }
        Some(Tier::Approximate) if outcome.verdict.is_some() => {
            "the model was changed so that it treats your data like data it never saw; this is an approximation, which \
             we compared with models that were trained without them and could not tell apart in our tests"
        }
        _ => "the model was changed so that it treats your data like data it never saw; this is an approximation",
    };
    Ok(format!(
        " Since {on} the model in use no longer contains what it learned from the {} that you named: {claim}. The \
         model that was in use before is kept only as long as our records need it.",
        if found == 1 { "record".to_owned() } else { format!("{found} records") }
    ))
}
