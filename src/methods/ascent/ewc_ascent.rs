//! Gradient ascent held back by an elastic penalty: each parameter is tied to its place by its Fisher value.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::error::Result;
use crate::methods::ascent::climb::Climb;
use crate::methods::ascent::direction::Direction;
use crate::methods::shared::account::timed;
use crate::methods::shared::settings::{self, check, positive};
use crate::methods::{Account, Method, MethodRow, Read, Tier, View};
use crate::records::Session;
use crate::statistics::{Estimator, Importance};

pub(crate) static ROW: MethodRow = MethodRow {
    name: "ewc_ascent",
    summary: "ascent on L_forget - lambda/2 sum (F_retain / mean F) (theta - theta_0)^2",
    citation: "Heng & Soh, NeurIPS 2023 (Selective Amnesia), classifier form; penalty of Kirkpatrick et al., PNAS 2017",
    tier: Tier::Approximate,
    graphs_only: false,
    build: |table| {
        let method: EwcAscent = settings::parse(ROW.name, table)?;
        method.climb.check(ROW.name)?;
        check(ROW.name, &[("lambda", positive(method.lambda), "a positive number")])?;
        Ok(Box::new(method))
    },
};

/// F is the empirical Fisher diagonal, per sample, at θ₀, divided by its mean: un-normalised it is close to 0 at
/// convergence and the penalty is inert whatever lambda (digits: 10 to 1000 all equal plain ascent).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EwcAscent {
    /// Weight of the penalty in units of the mean Fisher value. 1 on digits: with 3 the penalty outweighs the small
    /// gradient that a fitted random set has at the start, and nothing is forgotten; 0.3 is plain ascent.
    pub lambda: f64,
    /// The ascent itself.
    #[serde(flatten)]
    pub climb: Climb,
}

impl Default for EwcAscent {
    fn default() -> Self {
        EwcAscent { lambda: 1.0, climb: Climb::default() }
    }
}

impl Method for EwcAscent {
    fn settings(&self) -> Value {
        settings::to_json(self)
    }

    fn forget(&self, session: &mut Session, view: &View) -> Result<Account> {
        let mut account = Account::reading(&[Read::RetainData]);
        let fisher =
            timed(&mut account.precompute_s, || Importance::of_retained(session, view.retain, Estimator::PerSample))?;
        account.note("importance", json!([fisher.describe()]));
        let direction = Direction::Elastic { fisher, lambda: self.lambda as f32 };
        self.climb.run(session, view, direction, account)
    }
}
