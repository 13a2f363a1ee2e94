//! SFR-on: now and then an adaptive ascent on the weights that matter more to the forgotten records, repair between.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::engine::Buf;
use crate::kernels::{edit, reduce};
use crate::methods::prelude::*;
use crate::statistics::Set;

pub(crate) static ROW: MethodRow = MethodRow {
    name: "sfr_on",
    summary: "every few repair steps an ascent, weighed down where a record is forgotten, on the weights whose Fisher \
              value of the forgotten records is the larger",
    citation: "Huang et al., NeurIPS 2024 (SFR-on, Unified Gradient-Based Machine Unlearning)",
    tier: Tier::Approximate,
    role: Role::Method,
    takes: CLASSIFIED,
    settings: &[
        &[
            real("ascent", "25", Range::POSITIVE, "Factor on the ascent's gradient; the public code's for CIFAR-10."),
            count("every", "5", 1, "Repair steps between two ascents; the public code's."),
            real("gamma", "1", Range::NOT_NEGATIVE, "I_F / I_R above which a weight is climbed with; the source's."),
            real("clip_norm", "7", Range::NONE_OR_MORE, "Longest gradient of an ascent; the public code's."),
            estimator("estimator", "batch_mean", "Which Fisher; the public code squares gradients of batches."),
            count("batch", "128", 1, "Records per batch of `batch_mean`."),
        ],
        &Sgd::settings(
            ("1", "Learning rate as a multiple of the recipe's."),
            ("0.1", "Passes over the retained records as a part of the recipe's."),
            "cosine",
        ),
    ],
    build: |table| settings::build::<SfrOn>(&ROW, table),
};

/// At every `every`-th repair step, the first among them: θ += lr · clip(ascent ∇ Σ c ℓ / Σ c) on the mask, with
/// c = 1/√ℓ held fixed. Then SGD on the retained records. Both rates fall by the schedule. Unlike the public code an
/// ascent is a plain step: it neither decays weights nor takes the repair's momentum, so that what the mask leaves out
/// keeps its bits in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct SfrOn {
    ascent: f64,
    every: u64,
    gamma: f64,
    clip_norm: f64,
    estimator: Estimator,
    batch: usize,
    #[serde(flatten)]
    sgd: Sgd,
}

impl SfrOn {
    /// 1 where I_F > gamma I_R; the part of the parameters that it lets move comes with it.
    fn mask(&self, session: &mut Session, view: &View) -> Result<(Buf<f32>, f64)> {
        let measure = |session: &mut Session, name, set, of: &[u32]| {
            Importance::measure(session, name, set, of, self.estimator, self.batch)
        };
        let forget = measure(session, "sfr_on.forget", Set::Forget, view.forget)?;
        let retain = measure(session, "sfr_on.retain", Set::Retain, view.retain)?;
        let mask = session.vector("sfr_on.mask")?;
        let out = session.run(|rec| {
            let count = rec.temp("count", 1);
            edit::threshold(rec, forget.values, retain.values, self.gamma as f32, mask);
            reduce::total(rec, mask, count, 1.0, false);
            rec.readback(count);
            Ok(())
        })?;
        Ok((mask, f64::from(out[0].f32()[0]) / session.model.layout.count().max(1) as f64))
    }

    /// Takes turns; returns the steps.
    fn run(&self, session: &mut Session, view: &View, mask: Buf<f32>) -> Result<u64> {
        let config = self.sgd.recipe(view.train);
        let mut repair = Turns::new(session, &config, view.seed, Task::retained(view, 1.0))?;
        let total = repair.per_epoch() * config.epochs as u64;
        let climb = Task::forgotten(view, -self.ascent).taught(Lesson::Adaptive);
        let plain = TrainConfig {
            optimizer: "sgd".into(),
            momentum: 0.0,
            weight_decay: 0.0,
            clip_norm: self.clip_norm,
            ..config
        };
        // Its rate falls along with the repair's.
        let mut ascent = Turns::lasting(session, &plain, view.seed, climb, total.div_ceil(self.every))?;
        ascent.fit().weigh_gradients(mask);
        while repair.taken() < total {
            ascent.take(session, 1)?;
            repair.take(session, self.every.min(total - repair.taken()))?;
        }
        Ok(ascent.taken() + repair.taken())
    }
}

impl Method for SfrOn {
    fn forget(&self, session: &mut Session, view: &View) -> Result<Account> {
        let origin = Origin::of(session)?;
        let mut account = Account::reading(&[Read::RetainData, Read::ForgetData]);
        let (mask, share) = timed(&mut account.precompute_s, || self.mask(session, view))?;
        let steps = timed(&mut account.method_s, || self.run(session, view, mask))?;
        account.took(steps);
        account.note("masked_fraction", share);
        account.note("train", json!(self.sgd.recipe(view.train)));
        account.close(session, &origin)
    }
}
