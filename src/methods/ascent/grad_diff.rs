//! GradDiff: ascent on the records to forget with descent on the others, both at full weight.

use serde::{Deserialize, Serialize};

use crate::methods::prelude::*;

pub(crate) static ROW: MethodRow = MethodRow {
    name: "grad_diff",
    summary: "minimises beta L_retain - L_forget for some epochs, gradient clipped, until enough is forgotten",
    citation: "Liu, Liu & Stone, CoLLAs 2022 (gradient difference); as GradDiff in Maini et al., COLM 2024 (TOFU)",
    tier: Tier::Approximate,
    role: Role::Method,
    takes: CLASSIFIED,
    settings: &[
        &[real("beta", "1", Range::NOT_NEGATIVE, "Weight of the retained records' loss; the source's.")],
        &Climbing::SETTINGS,
    ],
    build: |table| settings::build::<GradDiff>(&ROW, table),
};

/// NegGrad+ with alpha / (1 − alpha) for beta and another step. The sources have no rule that ends it (`never`), and
/// then the loss grows for as long as there are steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct GradDiff {
    beta: f64,
    #[serde(flatten)]
    climbing: Climbing,
}

impl Method for GradDiff {
    fn forget(&self, session: &mut Session, view: &View) -> Result<Account> {
        let tasks = vec![Task::retained(view, self.beta), Task::forgotten(view, -1.0)];
        self.climbing.run(session, view, |_| Ok(tasks))
    }
}
