//! Shrink and perturb: every weight is drawn towards 0, and the network finds its way back on the retained records.

use serde::{Deserialize, Serialize};

use crate::methods::prelude::*;

pub(crate) static ROW: MethodRow = MethodRow {
    name: "shrink_perturb",
    summary: "multiplies every parameter by a factor below 1, adds a part of a new start, then some epochs on the \
              retained records",
    citation: "Ash & Adams, NeurIPS 2020 (On Warm-Starting Neural Network Training), for unlearning",
    tier: Tier::Approximate,
    role: Role::Method,
    takes: CLASSIFIED,
    settings: &[
        &[
            real(
                "shrink",
                ABSENT,
                Range::UNIT,
                "Part of every parameter that goes; 1 is a new start. Absent: 0.4, of a graph network, whose epoch is \
                 one step of the way back, 0.25; the source has 0.5.",
            ),
            real("perturb", "0", Range::UNIT, "Part of the parameters of a new start that comes; the source has 0.01."),
        ],
        &Sgd::settings(
            ("2", "Learning rate as a multiple of the recipe's."),
            ("0.15", "Passes over the retained records as a part of the recipe's."),
            "cosine",
        ),
    ],
    build: |table| settings::build::<ShrinkPerturb>(&ROW, table),
};

/// θ' = (1 − shrink) θ + perturb θ_new, θ_new the start of a training with the method's seed, then epochs on the
/// retained records. The source trains on when records come, and loses the generalisation that a warm start costs;
/// here records go, and with the margins by which they were remembered. A scaled network of relus answers as before,
/// but less surely, so that the epochs begin near a solution and what only the forgotten records held up is not held
/// up again. Running statistics are no parameters and stay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct ShrinkPerturb {
    shrink: Option<f64>,
    perturb: f64,
    #[serde(flatten)]
    sgd: Sgd,
}

/// (1 − shrink) θ + perturb θ_new.
fn drawn(theta: &mut [f32], fresh: &[f32], shrink: f64, perturb: f64) {
    for (v, new) in theta.iter_mut().zip(fresh) {
        *v = ((1.0 - shrink) * f64::from(*v) + perturb * f64::from(*new)) as f32;
    }
}

impl Method for ShrinkPerturb {
    fn forget(&self, session: &mut Session, view: &View) -> Result<Account> {
        learn(session, view, &self.sgd.recipe(view.train), &[Read::RetainData], |session| {
            let (mut theta, total) = (session.read_theta()?, session.model.layout.total());
            let fresh = session.model.init(view.seed);
            let shrink = self.shrink.unwrap_or(if view.graph.is_some() { 0.25 } else { 0.4 });
            drawn(&mut theta[..total], &fresh[..total], shrink, self.perturb);
            session.write_theta(&theta)?;
            Ok(Plan { tasks: vec![Task::retained(view, 1.0)], ..Plan::default() })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weight_is_shrunk_and_moved_towards_a_new_one() {
        let mut theta = vec![2.0, -1.0, 0.0];
        drawn(&mut theta, &[10.0, 10.0, -10.0], 0.25, 0.01);
        assert_eq!(theta, [1.6, -0.65, -0.1]);
        let mut whole = vec![2.0, -1.0];
        drawn(&mut whole, &[0.5, 0.25], 1.0, 1.0);
        assert_eq!(whole, [0.5, 0.25]);
    }
}
