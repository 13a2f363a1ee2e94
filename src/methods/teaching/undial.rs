//! UNDIAL: the network learns its own former answers to the forgotten records, the true one made less likely.

use serde::{Deserialize, Serialize};

use crate::methods::prelude::*;

pub(crate) static ROW: MethodRow = MethodRow {
    name: "undial",
    summary: "distils the original's answers to the forgotten records, with the logit of each true token or class \
              lowered, beside the others' loss",
    citation: "Dong et al., NAACL 2025 (UNDIAL, arXiv 2402.10052)",
    tier: Tier::Approximate,
    role: Role::Method,
    takes: CLASSIFIED,
    settings: &[
        &[
            real("gamma", "10", Range::POSITIVE, "What the true logit is lowered by; the public code's."),
            real("retain", "1", Range::NOT_NEGATIVE, "Weight of the retained records' loss; the source has none."),
        ],
        &Sgd::settings(
            ("0.5", "Learning rate as a multiple of the recipe's; the public code has 1e-4 for large models."),
            ("0.1", "Passes over the retained records as a part of the recipe's, at most."),
            "constant",
        ),
        &StopRule::OR_NEVER,
        &Harm::SETTINGS,
    ],
    build: |table| settings::build::<Undial>(&ROW, table),
};

/// Minimises retain L_R + the mean over forgotten records of KL(softmax(z₀ − gamma 1_y) ‖ network), of texts the mean
/// over the tokens that count. z₀ are the original's logits in evaluation form, computed beside the network's in each
/// step, so that no answers of a vocabulary's length are kept. What it goes to is a network's own answer without the
/// true one: unlike an ascent it cannot run away, but it may end where the true token is less likely than to one that
/// never saw it, so it ends by a rule as well.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Undial {
    gamma: f64,
    retain: f64,
    #[serde(flatten)]
    sgd: Sgd,
    #[serde(flatten)]
    rule: StopRule,
    #[serde(flatten)]
    harm: Harm,
}

impl Method for Undial {
    fn suits_targets(&self, targets: TargetKind) -> Result<()> {
        needs_likelihoods(ROW.name, targets)
    }

    fn forget(&self, session: &mut Session, view: &View) -> Result<Account> {
        needs_probabilities(session, ROW.name)?;
        let reads = [Read::RetainData, Read::ForgetData];
        learn(session, view, &self.sgd.recipe(view.train), &reads, |session| {
            let lesson = Lesson::Adjusted { origin: original(session)?, gamma: self.gamma, weight: 1.0 };
            let tasks = vec![Task::retained(view, self.retain), Task::forgotten(view, 1.0).taught(lesson)];
            let until = self.rule.where_possible(session, view);
            Ok(Plan { tasks, until, harm: Some(self.harm), ..Plan::default() })
        })
    }
}
