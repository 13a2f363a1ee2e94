//! Gradient ascent preconditioned with the inverse of the retained records' curvature as a matrix, not as a diagonal.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::error::Result;
use crate::methods::ascent::climb::Climb;
use crate::methods::ascent::direction::Direction;
use crate::methods::shared::account::timed;
use crate::methods::shared::settings::{self, check, positive};
use crate::methods::{Account, Method, MethodRow, Read, Tier, View};
use crate::records::{Records, Session};
use crate::statistics::{Blocks, Damping, Estimator, Kfac, Woodbury};
use crate::train::shuffled;

pub(crate) static ROW: MethodRow = MethodRow {
    name: "woodfisher",
    summary: "ascent along (F_retain + delta mean F)^-1 grad L_forget, F the whole empirical Fisher matrix of drawn records",
    citation: "inverse of Singh & Alistarh, NeurIPS 2020 (WoodFisher); in unlearning after Jia et al., NeurIPS 2023, whose code projects along one vector",
    tier: Tier::Approximate,
    graphs_only: false,
    build: |table| {
        let method: WoodFisher = settings::parse(ROW.name, table)?;
        method.climb.check(ROW.name)?;
        check(
            ROW.name,
            &[("delta", positive(method.delta), "a positive number"), ("records", method.records > 0, "1 or more")],
        )?;
        Ok(Box::new(method))
    },
};

/// The matrix whose inverse leads the ascent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Curvature {
    /// The empirical Fisher matrix of `records` retained records, exact, in `blocks`.
    WoodFisher,
    /// Kronecker factors over all retained records, true labels: networks of linear and conv2d layers alone.
    Kfac,
}

/// theta += lr · d, d = (F + δ I)⁻¹ ∇L_F brought to the length of ∇L_F, until the rule of every ascent stops it; F at the
/// parameters before the ascent. In the span of the retained records' gradients d is short, so what they need moves little;
/// across it d is the plain gradient.
///
/// The public code of "influence unlearning" (Jia et al. 2023) has a recursion that looks like WoodFisher's but carries one
/// vector, the first record's gradient, where the recursion has a matrix: it subtracts multiples of that single vector and
/// is no inverse of anything. Here the inverse is the matrix that the recursion ends at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WoodFisher {
    /// Damping δ in units of the mean of F's diagonal. Forgetting a class of digits (dense net, 5 seeds) to one forget loss costs 1.2
    /// points of retained test accuracy with the defaults, plain ascent 2.5 and `fisher_ascent`, whose diagonal is over all
    /// retained records, 0.6: the matrix protects the span of its own records' gradients alone.
    pub delta: f64,
    /// Retained records that F is taken over, drawn by the seed; all if there are fewer. Their gradients are kept: 256
    /// records of a LeNet-5 are 45 MB. `kfac` takes all.
    pub records: usize,
    /// Parameters that curve together: `whole`, `layers` or `tensors`.
    pub blocks: Blocks,
    /// Which matrix the steps are divided by.
    pub curvature: Curvature,
    /// The ascent itself.
    #[serde(flatten)]
    pub climb: Climb,
}

impl Default for WoodFisher {
    fn default() -> Self {
        WoodFisher {
            delta: 0.1,
            records: 256,
            blocks: Blocks::Whole,
            curvature: Curvature::WoodFisher,
            climb: Climb::default(),
        }
    }
}

/// Keeps this draw apart from the orders of epochs.
const STREAM: u32 = 0x776f_6f64;

impl WoodFisher {
    /// The records that F is taken over, ascending.
    fn drawn(&self, view: &View) -> Vec<u32> {
        let mut drawn = shuffled(view.retain, view.seed, 0, STREAM);
        drawn.truncate(self.records);
        drawn.sort_unstable();
        drawn
    }
}

impl Method for WoodFisher {
    fn settings(&self) -> Value {
        settings::to_json(self)
    }

    fn forget(&self, session: &mut Session, view: &View) -> Result<Account> {
        let mut account = Account::reading(&[Read::RetainData]);
        match self.curvature {
            Curvature::WoodFisher => {
                let drawn = self.drawn(view);
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
