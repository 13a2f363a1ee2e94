//! Retraining from scratch: the exact answer, and the reference of every other method.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::Result;
use crate::methods::shared::account::{Origin, timed};
use crate::methods::shared::settings;
use crate::methods::{Account, Method, MethodRow, Read, Tier, View};
use crate::records::{Records, Session};
use crate::train::{Term, fit_to_end};

pub(crate) static ROW: MethodRow = MethodRow {
    name: "retrain",
    summary: "new parameters from the seed, trained with the same recipe on the retained records only",
    citation: "the definition; see Cao & Yang, IEEE S&P 2015",
    tier: Tier::Exact,
    graphs_only: false,
    build: |table| Ok(Box::new(settings::parse::<Retrain>(ROW.name, table)?)),
};

/// No settings: any deviation from the recipe would make it another reference.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retrain {}

impl Method for Retrain {
    fn settings(&self) -> Value {
        settings::to_json(self)
    }

    fn takes_links(&self) -> bool {
        true
    }

    fn forget(&self, session: &mut Session, view: &View) -> Result<Account> {
        let origin = Origin::of(session)?;
        let mut account = Account::reading(&[Read::RetainData]);
        let terms = [Term { records: Records::train(view.retain), weight: 1.0 }];
        let steps = timed(&mut account.method_s, || {
            // Every parameter starts anew: public code has shipped a retrain that reset the last layer alone.
            let fresh = session.model.init(view.seed);
            session.write_theta(&fresh)?;
            fit_to_end(session, view.train, view.seed, &terms)
        })?;
        account.took(steps);
        account.close(session, &origin)
    }
}
