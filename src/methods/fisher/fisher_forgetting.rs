//! Fisher Forgetting: a gentler step up the forget loss, and Gaussian noise where the retained records do not feel it.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::engine::Data;
use crate::kernels::{edit, reduce};
use crate::methods::fisher::step::FisherStep;
use crate::methods::prelude::*;

pub(crate) static ROW: MethodRow = MethodRow {
    name: "fisher_forgetting",
    summary: "a gentle Fisher Removal step plus Gaussian noise of variance alpha / (F_retain + delta mean F), \
        repeatable",
    citation: "Fisher Forgetting, Gu et al. 2024 (arXiv 2403.10557)",
    tier: Tier::Approximate,
    role: Role::Method,
    takes: CLASSIFIED,
    settings: &[
        &FisherStep::settings("0.5"),
        &[
            real("alpha", ABSENT, Range::NOT_NEGATIVE, "Scale of the noise. Absent: such that it costs `noise_cost`."),
            real(
                "noise_cost",
                "1e-4",
                Range::NOT_NEGATIVE,
                "Expected nats of a retained record, ½ nᵀ F_R n of the noise n, where alpha is absent.",
            ),
        ],
    ],
    build: |table| settings::build::<FisherForgetting>(&ROW, table),
};

/// Each of `steps` rounds is a step of `fisher_removal` and noise of variance alpha / (F_R + delta · mean F_R), F_R
/// measured before the round; by default the steps go half of the way to the goal. Where `fisher` (Golatkar et al.) has
/// noise alone, averaged over rows, this moves the mean too and leaves the noise elementwise.
///
/// The expected ½ nᵀ F_R n of the noise is ½ alpha Σ F / (F + delta · mean F). On digits a noise_cost of 1e-4 moves the
/// parameters by a third of their length at no cost and 1e-3 costs four points; at convergence the empirical F says
/// less than is lost.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct FisherForgetting {
    #[serde(flatten)]
    step: FisherStep,
    alpha: Option<f64>,
    noise_cost: f64,
}

/// Keeps this noise apart from other uses of one seed; tensors count up from here.
const STREAM: u32 = 0x6766_6f72;

impl FisherForgetting {
    /// Adds a round's noise; returns its alpha.
    fn perturb(&self, session: &mut Session, view: &View, fisher: &Importance, round: usize) -> Result<f64> {
        let (theta, parameters) = (session.theta, session.model.layout.count());
        let delta = self.step.delta;
        let out = session.run(|rec| {
            let [mean, felt] = ["mean", "felt"].map(|name| rec.temp(name, 1));
            let each = rec.temp("each", theta.len);
            fisher.record_mean(rec, parameters, mean);
            edit::precondition(rec, fisher.values, fisher.values, mean, delta as f32, each);
            reduce::total(rec, each, felt, 1.0, false);
            rec.readback(mean);
            rec.readback(felt);
            Ok(())
        })?;
        let [mean, felt] = [0, 1].map(|i| f64::from(out[i].f32()[0]));
        // Nothing is known of what the retained records would feel: no noise can be weighed.
        let alpha = if mean > 0.0 { self.alpha.unwrap_or(2.0 * self.noise_cost / felt) } else { 0.0 };
        let mut rec = session.recording();
        let seed = rec.temp("seed", 4);
        rec.upload(seed);
        for (i, entry) in session.model.layout.entries().iter().enumerate().filter(|_| alpha > 0.0) {
            let range = entry.offset..entry.offset + entry.len;
            let (eps, stream) = ((delta * mean) as f32, STREAM.wrapping_add(i as u32));
            let noise = edit::Noise { alpha: alpha as f32, clamp: f32::MAX, eps, stream };
            edit::noise(&mut rec, theta.range(range.clone()), fisher.values.range(range), noise, seed);
        }
        let program = session.compile(rec)?;
        let words = vec![view.seed as u32, (view.seed >> 32) as u32, round as u32, 0];
        session.engine.run(&program, &[Data::U32(words)])?;
        Ok(alpha)
    }
}

impl Method for FisherForgetting {
    fn forget(&self, session: &mut Session, view: &View) -> Result<Account> {
        let mut alphas = Vec::new();
        let mut account = self.step.run(session, view, |session, fisher, round| {
            alphas.push(self.perturb(session, view, fisher, round)?);
            Ok(())
        })?;
        account.note("noise_alpha", json!(alphas));
        Ok(account)
    }
}
