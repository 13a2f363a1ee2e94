//! Fine-tuning: some epochs on the retained records, in the hope that what is no longer seen is forgotten.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::error::Result;
use crate::methods::shared::account::{Origin, timed};
use crate::methods::shared::settings::{self, check};
use crate::methods::shared::sgd::Sgd;
use crate::methods::{Account, Method, MethodRow, Read, Tier, View};
use crate::records::{Records, Session};
use crate::train::{Schedule, Term, fit_to_end};

pub(crate) static ROW: MethodRow = MethodRow {
    name: "finetune",
    summary: "some epochs on the retained records; the weakest baseline, it hardly forgets",
    citation: "as FT in Jia et al., NeurIPS 2023 (Unlearn-Sparse); Golatkar et al., CVPR 2020",
    tier: Tier::Approximate,
    graphs_only: false,
    build: |table| {
        let method: Finetune = settings::parse(ROW.name, table)?;
        method.check()?;
        Ok(Box::new(method))
    },
};

/// SGD on the retained records. Batch size, clipping and, unless set, weight decay are the recipe's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finetune {
    /// 0.05: the start of the digits recipe. CIFAR-10 code uses 0.01 (Unlearn-Sparse) to 0.1 (NeurIPS 2023 kit).
    pub lr: f64,
    /// 5, the NeurIPS 2023 starting kit's; Unlearn-Sparse has 10.
    pub epochs: usize,
    /// Cosine, the starting kit's.
    pub schedule: Schedule,
    /// 0.9, all of the above.
    pub momentum: f64,
    /// Absent: the recipe's, so that the objective stays the same.
    pub weight_decay: Option<f64>,
}

impl Default for Finetune {
    fn default() -> Self {
        Finetune { lr: 0.05, epochs: 5, schedule: Schedule::Cosine, momentum: 0.9, weight_decay: None }
    }
}

impl Finetune {
    fn sgd(&self) -> Sgd {
        let Self { lr, epochs, schedule, momentum, weight_decay, .. } = *self;
        Sgd { lr, epochs, schedule, momentum, weight_decay }
    }

    fn check(&self) -> Result<()> {
        check(ROW.name, &self.sgd().rules())
    }
}

impl Method for Finetune {
    fn settings(&self) -> Value {
        settings::to_json(self)
    }

    fn forget(&self, session: &mut Session, view: &View) -> Result<Account> {
        let origin = Origin::of(session)?;
        let config = self.sgd().recipe(view.train);
        let mut account = Account::reading(&[Read::RetainData]);
        let terms = [Term { records: Records::train(view.retain), weight: 1.0 }];
        let steps = timed(&mut account.method_s, || fit_to_end(session, &config, view.seed, &terms))?;
        account.took(steps);
        account.note("train", json!(config));
        account.close(session, &origin)
    }
}
