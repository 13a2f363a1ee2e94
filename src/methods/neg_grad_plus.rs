//! NegGrad+: descent on the retained records and ascent on those to forget, in one objective.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::account::{Origin, timed};
use super::retrain::fit;
use super::settings::{check, not_negative, positive};
use super::{Account, Method, MethodRow, Read, Tier, View, settings};
use crate::error::Result;
use crate::train::{Records, Schedule, Session, Term, TrainConfig};

pub static ROW: MethodRow = MethodRow {
    name: "neg_grad_plus",
    summary: "minimises alpha L_retain - (1 - alpha) L_forget for some epochs, gradient clipped",
    citation: "Kurmanji et al., NeurIPS 2023 (SCRUB), baseline NegGrad+",
    tier: Tier::Approximate,
    build: |table| {
        let method: NegGradPlus = settings::parse(ROW.name, table)?;
        method.check()?;
        Ok(Box::new(method))
    },
};

/// One epoch is one pass over the retained records; the records to forget begin again as often as that takes. Batch size
/// and, unless set, weight decay are the recipe's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NegGradPlus {
    /// 0.95, DeepUnlearn's default (0.9999 for interclass confusion).
    pub alpha: f64,
    /// 0.01, DeepUnlearn's.
    pub lr: f64,
    /// 5, DeepUnlearn's lower end.
    pub epochs: usize,
    pub schedule: Schedule,
    pub momentum: f64,
    /// Absent: the recipe's.
    pub weight_decay: Option<f64>,
    /// 0.5, from a public "advanced NegGrad". Without it the forget loss of a class grows without bound and takes the
    /// model along (digits: retained test accuracy 15 %).
    pub clip_norm: f64,
}

impl Default for NegGradPlus {
    fn default() -> Self {
        NegGradPlus {
            alpha: 0.95,
            lr: 0.01,
            epochs: 5,
            schedule: Schedule::Constant,
            momentum: 0.9,
            weight_decay: None,
            clip_norm: 0.5,
        }
    }
}

impl NegGradPlus {
    fn check(&self) -> Result<()> {
        check(
            ROW.name,
            &[
                ("alpha", (0.0..=1.0).contains(&self.alpha), "in [0, 1]"),
                ("lr", positive(self.lr), "a positive number"),
                ("epochs", self.epochs > 0, "1 or more"),
                ("momentum", (0.0..1.0).contains(&self.momentum), "in [0, 1)"),
                ("weight_decay", self.weight_decay.is_none_or(not_negative), "0 or more"),
                ("clip_norm", not_negative(self.clip_norm), "0 (none) or more"),
            ],
        )
    }
}

impl Method for NegGradPlus {
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
            clip_norm: self.clip_norm,
            ..view.train.clone()
        };
        let mut account = Account::reading(&[Read::RetainData, Read::ForgetData]);
        let terms = [
            Term { records: Records::train(view.retain), weight: self.alpha },
            Term { records: Records::train(view.forget), weight: self.alpha - 1.0 },
        ];
        let steps = timed(&mut account.method_s, || fit(session, &config, view.seed, &terms))?;
        account.note("steps", steps);
        account.note("train", json!(config));
        account.close(session, &origin)
    }
}
