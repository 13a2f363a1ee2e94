//! Fine-tuning: some epochs on the retained records, in the hope that what is no longer seen is forgotten.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::methods::prelude::*;

pub(crate) static ROW: MethodRow = MethodRow {
    name: "finetune",
    summary: "some epochs on the retained records; the weakest baseline, it hardly forgets",
    citation: "as FT in Jia et al., NeurIPS 2023 (Unlearn-Sparse); Golatkar et al., CVPR 2020",
    tier: Tier::Approximate,
    role: Role::Method,
    takes: CLASSIFIED,
    settings: &[&Sgd::settings(
        (
            "4",
            "Learning rate as a multiple of the recipe's. At 1 a class stays known and a record as sure as before; at \
             8 the network is lost.",
        ),
        ("0.15", "Passes over the retained records as a part of the recipe's; sources have 5 to 10 of 30 to 200."),
        "cosine",
    )],
    build: |table| settings::build::<Finetune>(&ROW, table),
};

/// SGD on the retained records. Batch size, clipping and, unless set, weight decay are the recipe's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Finetune {
    #[serde(flatten)]
    sgd: Sgd,
}

impl Method for Finetune {
    fn forget(&self, session: &mut Session, view: &View) -> Result<Account> {
        let origin = Origin::of(session)?;
        let config = self.sgd.recipe(view.train);
        let mut account = Account::reading(&[Read::RetainData]);
        let terms = [Term { records: Records::train(view.retain), weight: 1.0 }];
        let steps = timed(&mut account.method_s, || fit_to_end(session, &config, view.seed, &terms))?;
        account.took(steps);
        account.note("train", json!(config));
        account.close(session, &origin)
    }
}
