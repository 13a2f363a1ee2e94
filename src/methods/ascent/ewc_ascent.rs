//! Gradient ascent held back by an elastic penalty: each parameter is tied to its place by its Fisher value.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::kernels::map;
use crate::methods::ascent::climb::Climb;
use crate::methods::ascent::direction::Direction;
use crate::methods::prelude::*;

pub(crate) static ROW: MethodRow = MethodRow {
    name: "ewc_ascent",
    summary: "ascent on L_forget - lambda/2 sum (F_retain / mean F) (theta - theta_0)^2, F running over requests",
    citation: "Heng & Soh, NeurIPS 2023 (Selective Amnesia), classifier form; penalty of Kirkpatrick et al., PNAS \
               2017; running over requests as in Schwarz et al., ICML 2018 (Progress & Compress, online EWC)",
    tier: Tier::Approximate,
    role: Role::Method,
    takes: CLASSIFIED,
    settings: &[
        &[
            real(
                "lambda",
                "1",
                Range::POSITIVE,
                "Weight of the penalty in units of the mean Fisher value: 3 forgets nothing on digits, 0.3 is plain \
                    ascent.",
            ),
            real(
                "decay",
                "0.9",
                Range::UNIT,
                "Of an earlier request's Fisher values, for each request since; 0 for the last ones alone.",
            ),
        ],
        &Climb::SETTINGS,
    ],
    build: |table| settings::build::<EwcAscent>(&ROW, table),
};

/// F is the empirical Fisher diagonal, per sample, at θ₀, divided by its mean: un-normalised it is close to 0 at
/// convergence and the penalty is inert whatever lambda (digits: 10 to 1000 all equal plain ascent). With lambda 3
/// the penalty outweighs the small gradient that a fitted random set has at the start, and nothing is forgotten.
///
/// Where the run forgot before, F is Σ_k decay^k F(θ₋ₖ), θ₋ₖ what it was k requests ago: what mattered to the retained
/// records then is held as well. All are measured on the records that are retained now, on weights from the folders of
/// the runs before, so that nothing of a record that went is kept for it; a folder that is gone is left out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct EwcAscent {
    lambda: f64,
    decay: f64,
    #[serde(flatten)]
    climb: Climb,
}

impl EwcAscent {
    /// The running values, and of how many earlier requests.
    fn running(&self, session: &mut Session, view: &View) -> Result<(Importance, usize)> {
        let (now, sum) = (session.read_theta()?, session.vector("fisher.running")?);
        session.run(|rec| {
            rec.clear(sum);
            Ok(())
        })?;
        let add = |session: &mut Session, weight: f64| {
            let fisher = Importance::of_retained(session, view.retain, Estimator::PerSample)?;
            session.run(|rec| {
                map::axpby(rec, weight as f32, fisher.values, 1.0, sum);
                Ok(())
            })?;
            Ok(fisher)
        };
        let mut count = 0;
        for (k, theta) in view.past.before.iter().enumerate().filter(|(_, theta)| theta.len() == now.len()) {
            let weight = self.decay.powi(k as i32 + 1);
            if weight > 0.0 {
                session.write_theta(theta)?;
                add(session, weight)?;
                count += 1;
            }
        }
        session.write_theta(&now)?;
        Ok((Importance { values: sum, ..add(session, 1.0)? }, count))
    }
}

impl Method for EwcAscent {
    fn looks_back(&self) -> bool {
        self.decay > 0.0
    }

    fn forget(&self, session: &mut Session, view: &View) -> Result<Account> {
        let mut account = Account::reading(&[Read::RetainData]);
        let mut clock = 0.0;
        let (fisher, earlier) = timed(&mut clock, || self.running(session, view))?;
        account.precompute_s += clock;
        account.note("importance", json!([fisher.describe()]));
        if !view.past.before.is_empty() {
            account.note("earlier_requests", json!({ "of": view.past.before.len(), "held": earlier }));
        }
        let direction = Direction::Elastic { fisher, lambda: self.lambda as f32 };
        self.climb.run(session, view, direction, account)
    }
}
