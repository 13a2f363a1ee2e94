//! Fisher Removal: Newton-like steps up the forget loss, with the retained records' Fisher in the place of the Hessian.

use serde::{Deserialize, Serialize};
use serde_json::json;

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

/// The source's formula; its constants and its damping are not published. Where `fisher_ascent` climbs to the goal in many
/// short steps, the gradient taken anew before each, this goes there straight.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct FisherRemoval {
    #[serde(flatten)]
    step: FisherStep,
}

impl Method for FisherRemoval {
    fn forget(&self, session: &mut Session, view: &View) -> Result<Account> {
        let origin = Origin::of(session)?;
        let mut account = Account::reading(&[Read::RetainData, Read::ForgetData]);
        let mut method_s = 0.0;
        let way = timed(&mut method_s, || self.step.way(session, view, &mut account))?;
        let mut taken = Vec::new();
        for step in 0..self.step.steps {
            // At the parameters that training left, F could be kept from it.
            let clock = if step == 0 { &mut account.precompute_s } else { &mut method_s };
            let fisher = timed(clock, || Importance::of_retained(session, view.retain, self.step.estimator))?;
            if step == 0 {
                account.note("importance", json!([fisher.describe()]));
            }
            taken.push(timed(&mut method_s, || self.step.take(session, view, &fisher, way, step))?);
        }
        account.method_s = method_s;
        account.took(taken.len() as u64);
        account.note("taken", json!(taken));
        account.close(session, &origin)
    }
}
