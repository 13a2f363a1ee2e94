//! Fine-tuning: some epochs on the retained records, in the hope that what is no longer seen is forgotten.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::account::{Origin, timed};
use super::retrain::fit;
use super::settings::{check, not_negative, positive};
use super::{Account, Method, MethodRow, Read, Tier, View, settings};
use crate::error::Result;
use crate::train::{Records, Schedule, Session, Term, TrainConfig};

pub static ROW: MethodRow = MethodRow {
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
    fn check(&self) -> Result<()> {
        check(
            ROW.name,
            &[
                ("lr", positive(self.lr), "a positive number"),
                ("epochs", self.epochs > 0, "1 or more"),
                ("momentum", (0.0..1.0).contains(&self.momentum), "in [0, 1)"),
                ("weight_decay", self.weight_decay.is_none_or(not_negative), "0 or more"),
            ],
        )
    }
}

impl Method for Finetune {
    fn settings(&self) -> Value {
        settings::to_json(self)
    }

    fn forget(&self, session: &mut Session, view: &View) -> Result<Account> {
        let origin = Origin::of(session)?;
        let config = TrainConfig {
            optimizer: "sgd".into(),
            lr: self.lr,
            epochs: self.epochs,
            schedule: self.schedule,
            momentum: self.momentum,
            nesterov: false,
            weight_decay: self.weight_decay.unwrap_or(view.train.weight_decay),
            // What forgets by its data again keeps no promise of privacy.
            dp: None,
            ..view.train.clone()
        };
        let mut account = Account::reading(&[Read::RetainData]);
        let terms = [Term { records: Records::train(view.retain), weight: 1.0 }];
        let steps = timed(&mut account.method_s, || fit(session, &config, view.seed, &terms))?;
        account.note("steps", steps);
        account.note("train", json!(config));
        account.close(session, &origin)
    }
}
