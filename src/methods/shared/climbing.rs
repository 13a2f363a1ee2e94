//! What ascents beside a retain term are set with: SGD with a clip, and a rule that ends them.

use serde::{Deserialize, Serialize};

use super::account::Account;
use super::harm::Harm;
use super::lessons::{Plan, Task, learn};
use super::range::Range;
use super::settings::{Setting, real};
use super::sgd::{self, Sgd};
use super::stop::StopRule;
use crate::error::Result;
use crate::methods::{Read, View};
use crate::records::Session;
use crate::train::TrainConfig;

/// Settings of the same names in such methods.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Climbing {
    /// Steps.
    #[serde(flatten)]
    pub sgd: Sgd,
    /// Longest gradient; 0 for none.
    pub clip_norm: f64,
    /// What ends it.
    #[serde(flatten)]
    pub rule: StopRule,
    /// What it may cost the others.
    #[serde(flatten)]
    pub harm: Harm,
}

const SGD: [Setting; sgd::SETTINGS] = Sgd::settings(
    ("0.5", "Learning rate as a multiple of the recipe's; the clip bounds its steps."),
    (
        "0.1",
        "Passes over the retained records as a part of the recipe's, at most; DeepUnlearn has 5 of 50 for NegGrad+.",
    ),
    "constant",
);
const RULE: [Setting; 3] = StopRule::OR_NEVER;

impl Climbing {
    /// Its settings.
    pub const SETTINGS: [Setting; sgd::SETTINGS + 5] = [
        SGD[0],
        SGD[1],
        SGD[2],
        SGD[3],
        SGD[4],
        SGD[5],
        SGD[6],
        real(
            "clip_norm",
            "0.2",
            Range::NONE_OR_MORE,
            "Longest gradient, so that no step leaps past the goal between two looks at it; 0 for none.",
        ),
        RULE[0],
        RULE[1],
        RULE[2],
        Harm::SETTINGS[0],
    ];

    /// Trains on retained and forgotten records until the rule says that enough is forgotten.
    ///
    /// # Errors
    /// Those of the tasks and of the training.
    pub fn run<'a>(
        &self,
        session: &mut Session,
        view: &View<'a>,
        tasks: impl FnOnce(&mut Session) -> Result<Vec<Task<'a>>>,
    ) -> Result<Account> {
        // A clip bounds no step of Adam's, which would climb away with a network that Adam trained.
        let recipe = self.sgd.recipe(view.train);
        let config = TrainConfig { optimizer: "sgd".into(), clip_norm: self.clip_norm, ..recipe };
        learn(session, view, &config, &[Read::RetainData, Read::ForgetData], |session| {
            Ok(Plan { tasks: tasks(session)?, until: Some(self.rule), harm: Some(self.harm), ..Plan::default() })
        })
    }
}
