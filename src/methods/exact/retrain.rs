//! Retraining from scratch: the exact answer, and the reference of every other method.

use crate::methods::prelude::*;
use serde::{Deserialize, Serialize};

pub(crate) static ROW: MethodRow = MethodRow {
    name: "retrain",
    summary: "new parameters from the seed (or the base model of `init`), trained with the same recipe on the retained \
              records only, whatever is fitted on records fitted again",
    citation: "the definition; see Cao & Yang, IEEE S&P 2015",
    tier: Tier::Exact,
    role: Role::Reference,
    takes: &[RecordKind::Row, RecordKind::Node, RecordKind::Graph, RecordKind::Link],
    settings: &[],
    build: |table| settings::build::<Retrain>(&ROW, table),
};

/// No settings: any deviation from the recipe would make it another reference.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Retrain {}

impl Method for Retrain {
    fn needs(&self) -> Needs {
        Needs::Recipe
    }

    fn forget(&self, session: &mut Session, view: &View) -> Result<Account> {
        let origin = Origin::of(session)?;
        let mut account = Account::reading(&[Read::RetainData]);
        if view.train.early_stopping.is_some() {
            account.reads.push(Read::ValidationData);
        }
        let terms = [Term { records: Records::train(view.retain), weight: 1.0 }];
        let steps = timed(&mut account.method_s, || {
            // Every parameter starts anew: public code has shipped a retrain that reset the last layer alone.
            let fresh = view.past.start(session.model, view.seed);
            session.write_theta(&fresh)?;
            fit_to_end(session, view.train, view.seed, &terms)
        })?;
        account.took(steps);
        account.close(session, &origin)
    }
}
