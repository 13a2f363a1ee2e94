//! Gradient ascent preconditioned with the inverse of the retained records' curvature as a matrix, not as a diagonal.

mod forecast;

use serde::{Deserialize, Serialize};
use serde_json::json;

use self::forecast::Forecast;

use crate::methods::ascent::climb::Climb;
use crate::methods::ascent::direction::Direction;
use crate::methods::prelude::*;
use crate::statistics::{Blocks, Damping, Kfac, Woodbury};

pub(crate) static ROW: MethodRow = MethodRow {
    name: "woodfisher",
    summary: "ascent along (F_retain + delta mean F)^-1 grad L_forget, F the whole empirical Fisher matrix of drawn \
        records",
    citation: "inverse of Singh & Alistarh, NeurIPS 2020 (WoodFisher); in unlearning after Jia et al., NeurIPS 2023, \
        whose code projects along one vector",
    tier: Tier::Approximate,
    role: Role::Method,
    takes: CLASSIFIED,
    settings: &[
        &[
            real("delta", "0.1", Range::POSITIVE, "Damping in units of the mean of F's diagonal."),
            count(
                "records",
                "256",
                1,
                "Retained records that F is taken over, drawn by the seed; all if there are fewer. kfac takes all.",
            ),
            choice("blocks", "whole", BLOCKS, "Parameters that curve together."),
            choice("curvature", "wood_fisher", CURVATURES, "The matrix whose inverse leads the ascent."),
            real(
                "max_cost",
                ABSENT,
                Range::POSITIVE,
                "Refuses to begin where it is forecast to cost more than so many retrains. Absent: it says so and \
                 begins.",
            ),
        ],
        &Climb::SETTINGS,
    ],
    build: |table| settings::build::<WoodFisher>(&ROW, table),
};

const BLOCKS: &[(&str, &str)] =
    &[("whole", "all of them"), ("layers", "those of a layer"), ("tensors", "those of one tensor")];

const CURVATURES: &[(&str, &str)] = &[
    ("wood_fisher", "the empirical Fisher matrix of `records` retained records, exact, in `blocks`"),
    ("kfac", "Kronecker factors over all retained records; networks of linear and conv2d layers alone"),
];

/// The matrix whose inverse leads the ascent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Curvature {
    /// The empirical Fisher matrix of `records` retained records, exact, in `blocks`.
    WoodFisher,
    /// Kronecker factors over all retained records, true labels: networks of linear and conv2d layers alone.
    Kfac,
}

/// theta += lr · d, d = (F + δ I)⁻¹ ∇L_F brought to the length of ∇L_F, until the rule of every ascent stops it; F at
/// the parameters before the ascent. In the span of the retained records' gradients d is short, so what they need moves
/// little; across it d is the plain gradient.
///
/// The public code of "influence unlearning" (Jia et al. 2023) has a recursion that looks like WoodFisher's but carries
/// one vector, the first record's gradient, where the recursion has a matrix: it subtracts multiples of that single
/// vector and is no inverse of anything. Here the inverse is the matrix that the recursion ends at.
///
/// Forgetting a class of digits (dense net, 5 seeds) to one forget loss costs 1.2 points of retained test accuracy with
/// the defaults, plain ascent 2.5 and `fisher_ascent`, whose diagonal is over all retained records, 0.6: the matrix
/// protects the span of its own records' gradients alone. Their gradients are kept: 256 records of a LeNet-5 are 45 MB.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct WoodFisher {
    delta: f64,
    records: usize,
    blocks: Blocks,
    curvature: Curvature,
    max_cost: Option<f64>,
    #[serde(flatten)]
    climb: Climb,
}

/// Keeps this draw apart from the orders of epochs.
const STREAM: u32 = 0x776f_6f64;

impl WoodFisher {
    /// Measures what it will cost, and says so where that is more than a retrain.
    fn foretell(&self, session: &mut Session, view: &View, records: &[u32]) -> Result<Forecast> {
        let forecast = Forecast::of(session, view, records, self.blocks, self.climb.most(view))?;
        let said = || forecast.said(records.len(), session.model.layout.count());
        match self.max_cost {
            Some(most) if forecast.of_a_retrain() > most => {
                Err(Error::input(format!("method {}: it would cost more than max_cost = {most}: {}", ROW.name, said())))
            }
            _ if forecast.of_a_retrain() > 1.0 => {
                log::warn!("{}", said());
                Ok(forecast)
            }
            _ => Ok(forecast),
        }
    }
}

impl Method for WoodFisher {
    fn forget(&self, session: &mut Session, view: &View) -> Result<Account> {
        let mut account = Account::reading(&[Read::RetainData]);
        match self.curvature {
            Curvature::WoodFisher => {
                let drawn = view.drawn(self.records, STREAM);
                let forecast = timed(&mut account.precompute_s, || self.foretell(session, view, &drawn))?;
                account.note("forecast", json!(forecast));
                let inverse = timed(&mut account.precompute_s, || {
                    Woodbury::new(session, Records::train(&drawn), Damping::Relative(self.delta), self.blocks)
                })?;
                account.note("inverse", inverse.describe());
                self.climb.run(session, view, Direction::Inverse(&inverse), account)
            }
            Curvature::Kfac => {
                let kfac = timed(&mut account.precompute_s, || {
                    let mut kfac = Kfac::measure(session, Records::train(view.retain), Estimator::PerSample)?;
                    let damping = self.delta * kfac.mean_diagonal();
                    kfac.damp(session, damping)?;
                    Ok(kfac)
                })?;
                account.note("inverse", json!(kfac.describe()));
                self.climb.run(session, view, Direction::Kronecker(&kfac), account)
            }
        }
    }
}
