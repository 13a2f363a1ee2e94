//! Fisher Removal: Newton-like steps up the forget loss, with the retained records' Fisher in the place of the Hessian.

use serde::{Deserialize, Serialize};

use crate::methods::fisher::step::FisherStep;
use crate::methods::prelude::*;

pub(crate) static ROW: MethodRow = MethodRow {
    name: "fisher_removal",
    summary: "one step (or k) of gamma (F_retain + delta mean F)^-1 grad L_forget, as long as the goal needs",
    citation: "Fisher Removal, Gu et al. 2024 (arXiv 2403.10557)",
    tier: Tier::Approximate,
    role: Role::Method,
    takes: CLASSIFIED,
    settings: &[&FisherStep::settings("1")],
    build: |table| settings::build::<FisherRemoval>(&ROW, table),
};

/// The source's formula; its constants and its damping are not published. Where `fisher_ascent` climbs to the goal in
/// many short steps, the gradient taken anew before each, this goes there straight.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct FisherRemoval {
    #[serde(flatten)]
    step: FisherStep,
}

impl Method for FisherRemoval {
    fn forget(&self, session: &mut Session, view: &View) -> Result<Account> {
        self.step.run(session, view, |_, _, _| Ok(()))
    }
}
