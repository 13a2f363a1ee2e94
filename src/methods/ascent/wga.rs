//! Weighted gradient ascent: what a model hardly says any more is pushed no further.

use serde::{Deserialize, Serialize};

use crate::methods::prelude::*;

pub(crate) static ROW: MethodRow = MethodRow {
    name: "wga",
    summary: "ascent on the forgotten records, each token's or record's loss weighted by its probability to the power \
              of alpha, beside the others' loss",
    citation: "Wang et al., ICLR 2025 (WGA, arXiv 2502.19301)",
    tier: Tier::Approximate,
    role: Role::Method,
    takes: CLASSIFIED,
    settings: &[
        &[
            real("alpha", "1", Range::NOT_NEGATIVE, "Power of the probability; the public code's. 0: `grad_diff`."),
            real("retain", "1", Range::NOT_NEGATIVE, "Weight of the retained records' loss; the public code's."),
        ],
        &Climbing::SETTINGS,
    ],
    build: |table| settings::build::<Wga>(&ROW, table),
};

/// Minimises retain L_R − Σ c ℓ with c = p^alpha held fixed, ℓ the loss of a record or of each token that counts in a
/// text and p = exp(−ℓ): the mean over a text's tokens, then over texts, where the public code has one over all tokens
/// of a batch. The weight bounds the gradient: its factor p^alpha (1 − p) falls to 0 as ℓ grows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Wga {
    alpha: f64,
    retain: f64,
    #[serde(flatten)]
    climbing: Climbing,
}

impl Method for Wga {
    fn suits_targets(&self, targets: TargetKind) -> Result<()> {
        needs_likelihoods(ROW.name, targets)
    }

    fn forget(&self, session: &mut Session, view: &View) -> Result<Account> {
        needs_probabilities(session, ROW.name)?;
        let forget = Task::forgotten(view, -1.0).taught(Lesson::Certain { alpha: self.alpha });
        self.climbing.run(session, view, |_| Ok(vec![Task::retained(view, self.retain), forget]))
    }
}
