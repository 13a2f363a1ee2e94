//! KL-min: ascent on the records to forget, held to the original's answers to the others.

use serde::{Deserialize, Serialize};

use crate::methods::prelude::*;
use crate::records::objective::Of;

pub(crate) static ROW: MethodRow = MethodRow {
    name: "kl_min",
    summary: "minimises beta KL(original || network) on the retained records - L_forget for some epochs, gradient \
              clipped, until enough is forgotten",
    citation: "Yao, Xu & Liu 2023 (arXiv 2310.10683); as KL in Maini et al., COLM 2024 (TOFU)",
    tier: Tier::Approximate,
    role: Role::Method,
    takes: CLASSIFIED,
    settings: &[
        &[real("beta", "1", Range::NOT_NEGATIVE, "Weight of the distance to the original's answers; the source's.")],
        &Climbing::SETTINGS,
    ],
    build: |table| settings::build::<KlMin>(&ROW, table),
};

/// The original answers in evaluation form, with a temperature of 1: records once, of texts each token beside the
/// network in every step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct KlMin {
    beta: f64,
    #[serde(flatten)]
    climbing: Climbing,
}

impl Method for KlMin {
    fn suits_targets(&self, targets: TargetKind) -> Result<()> {
        needs_likelihoods(ROW.name, targets)
    }

    fn forget(&self, session: &mut Session, view: &View) -> Result<Account> {
        needs_probabilities(session, ROW.name)?;
        self.climbing.run(session, view, |session| {
            let retain = Task::retained(view, self.beta);
            let lesson = match session.objective().of {
                Of::Tokens => Lesson::Adjusted { origin: original(session)?, gamma: 0.0, weight: 1.0 },
                _ => {
                    let answers = answers(session, "teacher.competent", retain.records, 1.0)?;
                    Lesson::Teacher { answers, temperature: 1.0, own: 0.0, weight: 1.0 }
                }
            };
            Ok(vec![retain.taught(lesson), Task::forgotten(view, -1.0)])
        })
    }
}
