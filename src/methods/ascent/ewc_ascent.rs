//! Gradient ascent held back by an elastic penalty: each parameter is tied to its place by its Fisher value.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::methods::ascent::climb::Climb;
use crate::methods::ascent::direction::Direction;
use crate::methods::prelude::*;

pub(crate) static ROW: MethodRow = MethodRow {
    name: "ewc_ascent",
    summary: "ascent on L_forget - lambda/2 sum (F_retain / mean F) (theta - theta_0)^2",
    citation: "Heng & Soh, NeurIPS 2023 (Selective Amnesia), classifier form; penalty of Kirkpatrick et al., PNAS 2017",
    tier: Tier::Approximate,
    role: Role::Method,
    takes: CLASSIFIED,
    settings: &[
        &[real(
            "lambda",
            "1",
            Range::POSITIVE,
            "Weight of the penalty in units of the mean Fisher value: 3 forgets nothing on digits, 0.3 is plain \
                ascent.",
        )],
        &Climb::SETTINGS,
    ],
    build: |table| settings::build::<EwcAscent>(&ROW, table),
};

/// F is the empirical Fisher diagonal, per sample, at θ₀, divided by its mean: un-normalised it is close to 0 at
/// convergence and the penalty is inert whatever lambda (digits: 10 to 1000 all equal plain ascent). With lambda 3
/// the penalty outweighs the small gradient that a fitted random set has at the start, and nothing is forgotten.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct EwcAscent {
    lambda: f64,
    #[serde(flatten)]
    climb: Climb,
}

impl Method for EwcAscent {
    fn forget(&self, session: &mut Session, view: &View) -> Result<Account> {
        let mut account = Account::reading(&[Read::RetainData]);
        let fisher =
            timed(&mut account.precompute_s, || Importance::of_retained(session, view.retain, Estimator::PerSample))?;
        account.note("importance", json!([fisher.describe()]));
        let direction = Direction::Elastic { fisher, lambda: self.lambda as f32 };
        self.climb.run(session, view, direction, account)
    }
}
