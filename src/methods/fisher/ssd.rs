//! Selective synaptic dampening: parameters that matter much more to the forgotten records are shrunk.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::kernels::{edit, reduce};
use crate::methods::prelude::*;
use crate::methods::shared::ratios::Ratios;
use crate::statistics::Set;

pub(crate) static ROW: MethodRow = MethodRow {
    name: "ssd",
    summary: "shrinks parameters whose importance to the forgotten records exceeds alpha times that to all records",
    citation: "Foster, Schoepf & Brintrup, AAAI 2024",
    tier: Tier::Approximate,
    role: Role::Method,
    takes: CLASSIFIED,
    settings: &[&[
        real(
            "alpha",
            ABSENT,
            Range::NOT_NEGATIVE,
            "Ratio of importances above which a parameter shrinks. Absent: 10, the paper's, or 0.4 n / n_F where that \
                is less.",
        )
        .tried(1.0, 100.0),
        real("lambda", "1", Range::NOT_NEGATIVE, "How far it shrinks; the paper's."),
        estimator(
            "estimator",
            "per_sample",
            "`per_sample` is the paper's formula, `batch_mean` what its code computes.",
        ),
        count("batch", "128", 1, "Records per batch of `batch_mean`; the code's."),
    ]],
    build: |table| settings::build::<Ssd>(&ROW, table),
};

/// Where I_F > alpha I_D: theta *= min(lambda I_D / I_F, 1).
///
/// All records include the forgotten ones, so that I_F ≤ (n / n_F) I_D for every parameter and an alpha above n / n_F
/// (10 for a tenth of the records) can dampen nothing; without one it is 10 or 0.4 n / n_F where that is less and the
/// estimator is not `batch_mean`. On digits (dense and convolutional net) 0.4 of it forgets a class entirely, costs at
/// most half a point and dampens 5 % of the weights; 0.2 ruins the model. Not transferable between estimators, nor
/// between batch sizes of `batch_mean`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Ssd {
    alpha: Option<f64>,
    lambda: f64,
    estimator: Estimator,
    batch: usize,
}

const PAPER_ALPHA: f64 = 10.0;
const PART_OF_LIMIT: f64 = 0.4;

impl Ssd {
    /// The ratio of importances above which a parameter is dampened.
    fn ratio(&self, all: usize, view: &View) -> f64 {
        let limit = all as f64 / view.forget.len().max(1) as f64;
        match (self.alpha, self.estimator) {
            (Some(alpha), _) => alpha,
            (None, Estimator::PerSample | Estimator::Model | Estimator::ModelSampled { .. }) => {
                PAPER_ALPHA.min(PART_OF_LIMIT * limit)
            }
            (None, Estimator::BatchMean) => PAPER_ALPHA,
        }
    }

    /// Dampens; returns the number of parameters that were.
    fn dampen(&self, session: &mut Session, alpha: f64, all: &Importance, forget: &Importance) -> Result<f64> {
        let (theta, mask) = (session.theta, session.grad);
        let out = session.run(|rec| {
            edit::dampen(rec, theta, all.values, forget.values, mask, alpha as f32, self.lambda as f32);
            let touched = rec.temp("touched", 1);
            reduce::total(rec, mask, touched, 1.0, false);
            // The mask lies in the gradient's place; what comes next finds it clean between tensors.
            rec.readback(touched);
            Ok(())
        })?;
        Ok(f64::from(out[0].f32()[0]))
    }
}

impl Method for Ssd {
    fn forget(&self, session: &mut Session, view: &View) -> Result<Account> {
        let origin = Origin::of(session)?;
        let mut account = Account::reading(&[Read::ForgetData, Read::RetainData]);
        let mut everything = [view.retain, view.forget].concat();
        everything.sort_unstable();
        // A request for edges or features forgets traces in retained nodes, which are then in both.
        everything.dedup();
        let alpha = self.ratio(everything.len(), view);
        // I_D could be kept from training on: the request itself then needs the forgotten records alone.
        let all = timed(&mut account.precompute_s, || {
            Importance::measure(session, "ssd.all", Set::All, &everything, self.estimator, self.batch)
        })?;
        let (forget, touched) = timed(&mut account.method_s, || {
            let (set, of) = (Set::Forget, view.forget);
            let forget = Importance::measure(session, "ssd.forget", set, of, self.estimator, self.batch)?;
            let touched = self.dampen(session, alpha, &all, &forget)?;
            Ok((forget, touched))
        })?;
        account.note("importance", json!([all.describe(), forget.describe()]));
        account.note("alpha", alpha);
        account.details.ratios = Some(Ratios::of(session, alpha, &forget, &all)?);
        account.note("dampened_fraction", touched / session.model.layout.count() as f64);
        account.close(session, &origin)
    }
}
