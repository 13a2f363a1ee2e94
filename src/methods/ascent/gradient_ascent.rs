//! Gradient ascent on the records to forget, full batch, with a rule that stops it.

use serde::{Deserialize, Serialize};

use crate::methods::ascent::climb::Climb;
use crate::methods::ascent::direction::Direction;
use crate::methods::prelude::*;

pub(crate) static ROW: MethodRow = MethodRow {
    name: "gradient_ascent",
    summary: "full-batch ascent on the forgotten records until their loss is that of records never seen",
    citation: "Jang et al., ACL 2023 (knowledge unlearning); Golatkar et al., CVPR 2020 (NegGrad)",
    tier: Tier::Approximate,
    role: Role::Method,
    takes: CLASSIFIED,
    settings: &[&Climb::SETTINGS],
    build: |table| settings::build::<GradientAscent>(&ROW, table),
};

/// Climbs the loss of the forgotten records until it reaches a target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct GradientAscent {
    #[serde(flatten)]
    climb: Climb,
}

impl Method for GradientAscent {
    fn forget(&self, session: &mut Session, view: &View) -> Result<Account> {
        self.climb.run(session, view, Direction::Gradient, Account::default())
    }
}
