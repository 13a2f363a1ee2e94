//! Gradient ascent on the records to forget, full batch, with a rule that stops it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::Result;
use crate::methods::ascent::climb::Climb;
use crate::methods::ascent::direction::Direction;
use crate::methods::shared::settings;
use crate::methods::{Account, Method, MethodRow, Tier, View};
use crate::records::Session;

pub(crate) static ROW: MethodRow = MethodRow {
    name: "gradient_ascent",
    summary: "full-batch ascent on the forgotten records until their loss is that of records never seen",
    citation: "Jang et al., ACL 2023 (knowledge unlearning); Golatkar et al., CVPR 2020 (NegGrad)",
    tier: Tier::Approximate,
    graphs_only: false,
    build: |table| {
        let method: GradientAscent = settings::parse(ROW.name, table)?;
        method.climb.check(ROW.name)?;
        Ok(Box::new(method))
    },
};

/// Climbs the loss of the forgotten records until it reaches a target.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GradientAscent {
    /// The ascent itself.
    #[serde(flatten)]
    pub climb: Climb,
}

impl Method for GradientAscent {
    fn settings(&self) -> Value {
        settings::to_json(self)
    }

    fn forget(&self, session: &mut Session, view: &View) -> Result<Account> {
        self.climb.run(session, view, Direction::Gradient, Account::default())
    }
}
