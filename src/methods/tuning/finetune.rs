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
        ("0.05", "The start of the digits recipe; CIFAR-10 code has 0.01 (Unlearn-Sparse) to 0.1 (NeurIPS 2023 kit)."),
        ("5", "Passes over the retained records; 5 in the NeurIPS 2023 kit, 10 in Unlearn-Sparse."),
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
